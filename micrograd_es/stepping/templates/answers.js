// Predict, then reveal: what a person's number is told.

import { read } from "./reading.js";

/** Within one percent: whoever rounds to three digits is right. */
function isNear(x, y) {
  if (Object.is(x, y)) return true;
  return Math.abs(x - y) <= 0.01 * Math.abs(y) || (y === 0 && Math.abs(x) < 1e-9);
}

/** The key of what is said to an answer to a frame. */
export function judged(text, f) {
  const x = read(text);
  const is = (key) => f[key] && isNear(x, Number(f[key][1]));
  if (x === null) return "no_number";
  if (is("result")) return "correct";
  if (isNear(-x, Number(f.result[1]))) return "sign";
  if (is("contribution")) return "not_added";
  return is("upstream") || is("partial") ? "one_factor" : "not_yet";
}
