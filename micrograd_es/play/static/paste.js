// Points as text: a line for each, x⁽¹⁾, x⁽²⁾ and a class, as a spreadsheet or a CSV file has them.

import { decimal } from "./numbers.js";
import { read } from "./reading.js";

/** What is wrong with such a text: the name of its message, and what stands in it. */
export class Unreadable extends Error {
  constructor(reason, values = {}) {
    super(reason);
    this.values = values;
  }
}

/** The three fields of a line: between semicolons or tabs, else spaces, else commas. */
function fieldsOf(line) {
  const ways = [/[;\t]/, /\s+/, ","];
  for (const way of ways) {
    const fields = line.split(way).map((field) => field.trim().replace(/^"(.*)"$|,$/g, "$1"));
    if (fields.length === 3 && fields.every((field) => field !== "")) return fields;
  }
  return null;
}

/**
 * The points of a text as [x, y, class], the classes -1 and 1, with `scaled` true where they
 * were moved and stretched to fit a plane of -edge..edge.
 */
export function pointsIn(text, edge, most) {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const rows = [];
  lines.forEach((line, i) => {
    if (line === "") return;
    const fields = fieldsOf(line);
    const [x, y] = fields ? fields.slice(0, 2).map((field) => read(field)) : [null, null];
    if (Number.isFinite(x) && Number.isFinite(y)) rows.push([x, y, fields[2]]);
    else if (i > 0) throw new Unreadable("line", { n: i + 1, line }); // the first may be a heading
  });
  if (rows.length === 0) throw new Unreadable("none");
  if (rows.length > most) throw new Unreadable("many", { n: most });
  const classes = classesOf(rows.map(([, , c]) => c));
  const [xs, ys] = [0, 1].map((k) => rows.map((row) => row[k]));
  const scaled = [...xs, ...ys].some((x) => Math.abs(x) > edge);
  const place = scaled ? [xs, ys].map((all) => fitting(all, 0.9 * edge)) : [(x) => x, (y) => y];
  const points = rows.map(([x, y, c]) => [
    decimal(place[0](x).toFixed(3)),
    decimal(place[1](y).toFixed(3)),
    classes.get(c),
  ]);
  return { points, scaled };
}

/** -1 and 1 by name: the smaller number is -1; of words the one that comes first. */
function classesOf(names) {
  const found = [...new Set(names)];
  if (found.length > 2) throw new Unreadable("classes", { n: found.length });
  const numbers = found.map(read);
  if (numbers.every(Number.isFinite)) found.sort((a, b) => read(a) - read(b));
  if (found.length === 1) return new Map([[found[0], numbers[0] > 0 ? "1" : "-1"]]);
  return new Map([
    [found[0], "-1"],
    [found[1], "1"],
  ]);
}

/** The straight function that takes the least of them to -size and the largest to size. */
function fitting(all, size) {
  const [least, most] = [Math.min(...all), Math.max(...all)];
  return (x) => (most === least ? 0 : (2 * size * (x - least)) / (most - least) - size);
}
