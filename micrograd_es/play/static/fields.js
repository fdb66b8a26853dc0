// Fields for numbers: comma and point alike, which no field of type "number" reads everywhere.

import { decimal, read } from "./numbers.js";

/** The number in a field; NaN where it has none, or one out of its bounds. */
export function numberIn({ value, dataset }) {
  const x = read(value);
  const fits = x >= Number(dataset.min) && x <= Number(dataset.max);
  return fits && (dataset.whole === undefined || Number.isInteger(x)) ? x : Number.NaN;
}

/** What is wrong with a field, said with its bounds. */
export function complaint({ value, dataset }, texts) {
  const text = dataset.whole === undefined ? texts.decimal : texts.whole;
  const said = text.replace("{least}", dataset.min).replace("{largest}", dataset.max);
  return `${value}: ${said}`;
}

/** The arrow keys count up and down, as in a field of type "number". */
addEventListener("keydown", (event) => {
  const field = event.target;
  const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  if (!way || !field.matches?.("input.number") || field.readOnly) return;
  const { step, min, max } = field.dataset;
  const x = read(field.value) + way * Number(step);
  if (Number.isNaN(x)) return;
  event.preventDefault();
  field.value = decimal(Math.min(Number(max), Math.max(Number(min), x)));
  field.dispatchEvent(new Event("change", { bubbles: true }));
});
