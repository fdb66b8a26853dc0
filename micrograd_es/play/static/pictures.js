// Pictures of what the server answered: the network, the curve of the cost, the table.

import { number } from "./numbers.js";

const NAMESPACE = "http://www.w3.org/2000/svg";

export function svg(name, attributes, text) {
  const element = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** The answer's parameters as layers of neurons: `w`, `b`, and the index of each. */
function neuronsOf(answer) {
  const layers = [];
  let index = 0;
  let inputs = 2;
  for (const size of answer.layers) {
    layers.push(
      Array.from({ length: size }, () => {
        const w = Array.from({ length: inputs }, (_, m) => index + m);
        index += inputs + 1;
        return { w, b: index - 1 };
      }),
    );
    inputs = size;
  }
  return layers;
}

export function drawNetwork(drawing, answer, label) {
  const [width, height] = [400, 250];
  const layers = neuronsOf(answer);
  const sizes = [2, ...answer.layers];
  const x = (l) => 40 + ((width - 80) * l) / (sizes.length - 1);
  const y = (l, n) =>
    height / 2 + (n - (sizes[l] - 1) / 2) * Math.min(44, (height - 24) / sizes[l]);
  const radius = Math.min(11, 90 / Math.max(...sizes));
  const told = (index) =>
    `${answer.labels[index]} = ${number(answer.parameters[index])}, ∂C/∂${answer.labels[index]} = ${number(answer.gradient[index])}`;
  const lines = [];
  const circles = [0, 1].map((m) =>
    svg("circle", { class: "input", cx: x(0), cy: y(0, m), r: radius }),
  );
  const names = [0, 1].map((m) =>
    svg(
      "text",
      { x: x(0) - radius - 5, y: y(0, m) + 5, "text-anchor": "end" },
      ["x⁽¹⁾", "x⁽²⁾"][m],
    ),
  );
  layers.forEach((neurons, l) => {
    neurons.forEach(({ w, b }, n) => {
      w.forEach((index, m) => {
        const weight = answer.parameters[index];
        const line = svg("line", {
          class: `weight ${weight < 0 ? "negative" : "positive"}`,
          x1: x(l) + radius,
          y1: y(l, m),
          x2: x(l + 1) - radius,
          y2: y(l + 1, n),
          "stroke-width": Math.min(7, 0.4 + 2 * Math.abs(weight)).toFixed(2),
        });
        line.append(svg("title", {}, told(index)));
        lines.push(line);
      });
      const circle = svg("circle", { class: "neuron", cx: x(l + 1), cy: y(l + 1, n), r: radius });
      circle.append(svg("title", {}, told(b)));
      circles.push(circle);
      if (l === layers.length - 1) {
        const at = { x: x(l + 1) + radius + 5, y: y(l + 1, n) + 5 };
        names.push(svg("text", at, ["y⁽¹⁾", "y⁽²⁾"][n]));
      }
    });
  });
  drawing.replaceChildren(...lines, ...circles, ...names);
  const neurons = answer.layers.reduce((sum, n) => sum + n, 0);
  drawing.setAttribute("aria-label", label(neurons, answer.parameters.length));
}

export function drawCurve(drawing, curve, answer, label) {
  const [left, right, top, bottom] = [92, 388, 12, 160]; // room for a cost such as 3.411e304
  const last = Math.max(1, curve.at(-1)[0]);
  const most = Math.max(...curve.map(([, cost]) => cost), 1e-12);
  const x = (update) => left + ((right - left) * update) / last;
  const y = (cost) => bottom - ((bottom - top) * cost) / most;
  const line = curve.map(([u, cost]) => `${x(u).toFixed(1)},${y(cost).toFixed(1)}`).join(" ");
  const parts = [0, most / 2, most].flatMap((cost) => [
    svg("line", { class: "grid", x1: left, x2: right, y1: y(cost), y2: y(cost) }),
    svg("text", { x: left - 6, y: y(cost) + 4, "text-anchor": "end" }, number(cost)),
  ]);
  parts.push(
    svg("text", { x: left, y: bottom + 20, "text-anchor": "middle" }, "0"),
    svg("text", { x: right, y: bottom + 20, "text-anchor": "end" }, number(last)),
    svg("polyline", { class: "curve", points: line }),
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
