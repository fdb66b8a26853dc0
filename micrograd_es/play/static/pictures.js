// Pictures of what the server answered: the curve of the cost, its landscape, the table.

import { number } from "./numbers.js";
import { colour, mixed, painted } from "./paint.js";
import { svg } from "./svg.js";

export function drawCurve(drawing, { curve, tests }, answer, label) {
  const [left, right, top, bottom] = [92, 388, 12, 160]; // room for a cost such as 3.411e304
  const last = Math.max(1, curve.at(-1)[0]);
  const finite = [...curve, ...tests].filter(([, cost]) => cost !== null);
  const most = Math.max(...finite.map(([, cost]) => cost), 1e-12);
  const x = (update) => left + ((right - left) * update) / last;
  const y = (cost) => bottom - ((bottom - top) * cost) / most;
  const line = (costs, kind) => {
    const known = costs.filter(([, cost]) => cost !== null);
    const places = known.map(([u, cost]) => `${x(u).toFixed(1)},${y(cost).toFixed(1)}`);
    return svg("polyline", { class: kind, points: places.join(" ") });
  };
  const parts = [0, most / 2, most].flatMap((cost) => [
    svg("line", { class: "grid", x1: left, x2: right, y1: y(cost), y2: y(cost) }),
    svg("text", { x: left - 6, y: y(cost) + 4, "text-anchor": "end" }, number(cost)),
  ]);
  parts.push(
    svg("text", { x: left, y: bottom + 20, "text-anchor": "middle" }, "0"),
    svg("text", { x: right, y: bottom + 20, "text-anchor": "end" }, number(last)),
    line(curve, "curve"),
    line(tests, "curve tests"),
    svg("line", {
      class: "now",
      x1: x(answer.updates),
      x2: x(answer.updates),
      y1: top,
      y2: bottom,
    }),
    svg("circle", { class: "now", cx: x(answer.updates), cy: y(answer.cost), r: 4.5 }),
  );
  drawing.replaceChildren(...parts);
  drawing.setAttribute("aria-label", label(curve.at(-1)[0], number(answer.cost)));
}

/** The landscape: the higher the cost the darker, in ten steps, and the way through it. */
export function drawLandscape(canvas, drawing, { side, costs, way }, label) {
  const known = costs.filter((cost) => cost !== null);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const height = (cost) =>
    cost === null ? 1 : Math.log1p((9 * (cost - least)) / (most - least || 1)) / Math.log(10);
  const at = (column, row) => height(costs[row * side + column]);
  const [low, high] = ["--ground", "--value"].map(colour);
  const fine = 4 * (side - 1) + 1;
  const between = (column, row) => {
    const [x, y] = [Math.min(column / 4, side - 1.001), Math.min(row / 4, side - 1.001)];
    const [i, j, u, v] = [Math.floor(x), Math.floor(y), x % 1, y % 1];
    const below = at(i, j) * (1 - u) + at(i + 1, j) * u;
    const above = at(i, j + 1) * (1 - u) + at(i + 1, j + 1) * u;
    return below * (1 - v) + above * v;
  };
  const picture = painted(fine, (column, row) =>
    mixed(low, high, (0.8 * Math.floor(10 * between(column, row))) / 10),
  );
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  const places = way.map(([x, y]) => [(100 * x).toFixed(1), (-100 * y).toFixed(1)]);
  const [begin, now] = [places[0], places.at(-1)];
  drawing.replaceChildren(
    svg("polyline", { class: "way under", points: places.join(" ") }),
    svg("polyline", { class: "way", points: places.join(" ") }),
    svg("circle", { class: "begin", cx: begin[0], cy: begin[1], r: 3.4 }),
    svg("circle", { class: "now", cx: now[0], cy: now[1], r: 4.2 }),
  );
  drawing.setAttribute("aria-label", label(number(least), number(most)));
}

export function fillTable(body, answer) {
  body.replaceChildren(
    ...answer.labels.map((label, i) => {
      const row = document.createElement("tr");
      const name = Object.assign(document.createElement("th"), {
        scope: "row",
        textContent: label,
      });
      const cells = [answer.parameters[i], answer.gradient[i]].map((x) =>
        Object.assign(document.createElement("td"), { textContent: number(x) }),
      );
      row.append(name, ...cells);
      return row;
    }),
  );
}
