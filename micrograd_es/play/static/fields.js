// Fields for numbers: comma and point alike, which no field of type "number" reads everywhere.

import { decimal } from "./numbers.js";
import { read } from "./reading.js";

/** The number in a field; null where it has none of its kind, or one out of its bounds. */
export function numberIn({ value, dataset }) {
  const x = read(value);
  const isInside = x !== null && x >= Number(dataset.least) && x <= Number(dataset.most);
  return isInside && (dataset.whole === undefined || Number.isInteger(x)) ? x : null;
}

/** What a field expects, said with its bounds. */
export function expected({ dataset }, texts) {
  const text = dataset.whole === undefined ? texts.number : texts.whole;
  return text.replace("{least}", Number(dataset.least)).replace("{most}", Number(dataset.most));
}

/** The arrow keys count up and down, as in a field of type "number". */
addEventListener("keydown", (event) => {
  const field = event.target;
  const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  if (!way || !field.matches?.("input.number")) return;
  event.preventDefault();
  const { step, least, most } = field.dataset;
  const next = (read(field.value) ?? Number(least)) + way * Number(step);
  field.value = decimal(Math.min(Number(most), Math.max(Number(least), next)));
  field.dispatchEvent(new Event("change", { bubbles: true }));
});
