// Predict, then reveal: what a person's number is told.

import { read } from "./reading.js";

/** Within one percent: whoever rounds to three digits is right. */
function isNear(x, y) {
  if (Object.is(x, y)) return true;
  return Math.abs(x - y) <= 0.01 * Math.abs(y) || (y === 0 && Math.abs(x) < 1e-9);
}

/** What a frame asks for, one after the other: no product with 1, which is no question. */
export function questions(f) {
  if (f.kind === "sum") return ["sum"];
  if (f.kind !== "product") return [];
  const isTrivial = [f.upstream, f.partial].some(([, exact]) => Math.abs(Number(exact)) === 1);
  return isTrivial ? ["partial"] : ["partial", "product"];
}

/** The key of what is said to an answer to a question of a frame. */
export function judged(text, f, question) {
  const x = read(text);
  const right = question === "partial" ? f.partial : f.result;
  const is = (key) => f[key] && isNear(x, Number(f[key][1]));
  if (x === null) return "no_number";
  if (isNear(x, Number(right[1]))) return "correct";
  if (isNear(-x, Number(right[1]))) return "sign";
  if (question === "partial") return is("result") ? "whole_product" : "not_yet";
  if (is("contribution")) return "not_added";
  return is("upstream") || is("partial") ? "one_factor" : "not_yet";
}
