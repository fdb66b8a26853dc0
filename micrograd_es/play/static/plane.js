// The plane: the heat map of the network's score, its boundary, and the points.

import { number } from "./numbers.js";
import { paint } from "./paint.js";
import { svg } from "./svg.js";

const SIZE = 200; // the drawing is -SIZE..SIZE, both ways
const STEP = 0.05;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class Plane {
  constructor(drawing, canvas, callbacks) {
    this.drawing = drawing;
    this.canvas = canvas;
    this.callbacks = callbacks;
    this.points = new Map(); // number -> {element, x, y, c}
    this.boundary = svg("path", { class: "boundary" });
    this.group = svg("g", {});
    this.covering = null;
    drawing.append(...this.axes(), this.boundary, this.group);
    drawing.addEventListener("click", (event) => this.clicked(event));
    drawing.addEventListener("pointerdown", (event) => this.pressed(event));
    drawing.addEventListener("keydown", (event) => this.typed(event));
  }

  toDrawing(x, y) {
    return [(x / this.callbacks.edge) * SIZE, (-y / this.callbacks.edge) * SIZE];
  }

  fromEvent(event) {
    const box = this.drawing.getBoundingClientRect();
    const { edge } = this.callbacks;
    const x = ((event.clientX - box.left) / box.width) * 2 * edge - edge;
    const y = edge - ((event.clientY - box.top) / box.height) * 2 * edge;
    return [x, y];
  }

  axes() {
    const parts = [];
    for (let k = 1 - this.callbacks.edge; k < this.callbacks.edge; k += 1) {
      const [x] = this.toDrawing(k, 0);
      parts.push(svg("line", { class: "axis", x1: x, x2: x, y1: -SIZE, y2: SIZE }));
      parts.push(svg("line", { class: "axis", y1: x, y2: x, x1: -SIZE, x2: SIZE }));
      const name = number(k);
      parts.push(svg("text", { class: "tick", x: x + 3, y: SIZE - 4 }, name));
      if (k) parts.push(svg("text", { class: "tick", x: 3 - SIZE, y: -x - 3 }, name));
    }
    parts.push(svg("text", { class: "tick", x: SIZE - 22, y: SIZE - 4 }, "x⁽¹⁾"));
    parts.push(svg("text", { class: "tick", x: 3 - SIZE, y: 12 - SIZE }, "x⁽²⁾"));
    return parts;
  }

  show(answer, picked) {
    this.answer = answer;
    this.repaint();
    const there = new Set(answer.points.map(([n]) => n));
    for (const [n, point] of this.points) {
      if (!there.has(n)) {
        const focused = point.element === document.activeElement;
        point.element.remove();
        this.points.delete(n);
        if (focused) this.points.values().next().value?.element.focus();
      }
    }
    const first = answer.points.some(([n]) => n === picked) ? picked : answer.points[0][0];
    for (const [n, x, y, c] of answer.points) {
      const wrong = answer.wrong.includes(n);
      const held = answer.held.includes(n);
      const point = this.points.get(n) ?? { element: this.added(n) };
      const { element } = point;
      if (this.dragged?.n !== n) this.place(element, x, y);
      if (point.c !== c) element.replaceChildren(...shapes(c));
      Object.assign(point, { x, y, c });
      this.points.set(n, point);
      element.setAttribute(
        "class",
        `point ${c > 0 ? "positive" : "negative"}${wrong ? " wrong" : ""}${held ? " held" : ""}`,
      );
      element.setAttribute("aria-pressed", n === picked);
      element.setAttribute("aria-label", this.callbacks.label(n, x, y, c, wrong, held));
      const focused = this.group.contains(document.activeElement);
      if (!focused) element.setAttribute("tabindex", n === first ? 0 : -1);
    }
  }

  /** Shows another map than the network's, that of a neuron, until it is told null. */
  cover(map, cells) {
    this.covering = map ? { map, cells } : null;
    if (this.answer) this.repaint();
  }

  repaint() {
    const { map, cells } = this.covering ?? this.answer;
    paint(this.canvas, map, cells, [0, 0, this.canvas.width, this.canvas.height]);
    this.boundary.setAttribute("d", zeroLine(map, cells, SIZE));
  }

  added(n) {
    const element = svg("g", { role: "button", "data-n": n });
    this.group.append(element);
    return element;
  }

  place(element, x, y) {
    const [u, v] = this.toDrawing(x, y);
    element.setAttribute("transform", `translate(${u} ${v})`);
  }

  focus(n) {
    for (const point of this.points.values()) point.element.setAttribute("tabindex", -1);
    const element = this.points.get(n)?.element;
    element?.setAttribute("tabindex", 0);
    element?.focus();
  }

  /** Moves a point at once; the answer to it comes later, and another move perhaps before. */
  move(n, x, y) {
    const point = this.points.get(n);
    [point.x, point.y] = [x, y].map((u) => clamp(u, this.callbacks.edge));
    this.place(point.element, point.x, point.y);
    this.callbacks.move(n, point.x, point.y, point.c);
  }

  // -- mouse and touch

  numberAt(event) {
    const element = event.target.closest(".point");
    return element ? Number(element.dataset.n) : null;
  }

  /** The nearest of the points that lie one over another where the pointer is. */
  nearest(event) {
    const hit = this.numberAt(event);
    const made = event.type === "click" && event.detail === 0; // by a screen reader
    if (hit === null || made) return hit;
    const [x, y] = this.fromEvent(event);
    const distance = (n) => Math.hypot(this.points.get(n).x - x, this.points.get(n).y - y);
    return [...this.points.keys()].reduce((a, b) => (distance(b) < distance(a) ? b : a), hit);
  }

  clicked(event) {
    const n = this.nearest(event);
    const tool = this.callbacks.tool();
    if (this.moved)
      this.moved = false; // the end of a drag, and no click
    else if (tool === "delete" && n !== null) this.callbacks.remove(n);
    else if (tool === "move" && n !== null) this.callbacks.pick(n);
    else if (tool === "1" || tool === "-1") this.callbacks.add(...this.fromEvent(event), tool);
  }

  pressed(event) {
    const n = this.nearest(event);
    this.moved = false;
    if (n === null || event.button !== 0 || this.callbacks.tool() !== "move") return;
    const point = this.points.get(n);
    const begin = [event.clientX, event.clientY];
    let place = null;
    this.dragged = { n };
    this.drawing.setPointerCapture(event.pointerId);
    const drag = (moving) => {
      if (moving.pointerId !== event.pointerId) return;
      if (!place && Math.hypot(moving.clientX - begin[0], moving.clientY - begin[1]) < 4) return;
      place = this.fromEvent(moving).map((x) => clamp(x, this.callbacks.edge));
      this.place(point.element, ...place);
    };
    const drop = (end) => {
      if (end.pointerId !== event.pointerId) return;
      for (const [name, listener] of listeners) this.drawing.removeEventListener(name, listener);
      this.dragged = null;
      this.focus(n);
      this.moved = true; // a click that follows has been dealt with here
      if (end.type === "pointercancel") this.place(point.element, point.x, point.y);
      else if (place) this.move(n, ...place);
      else this.callbacks.pick(n);
    };
    const listeners = [
      ["pointermove", drag],
      ["pointerup", drop],
      ["pointercancel", drop],
    ];
    for (const [name, listener] of listeners) this.drawing.addEventListener(name, listener);
  }

  // -- keys

  typed(event) {
    const n = this.numberAt(event);
    if (n === null || event.ctrlKey || event.altKey || event.metaKey) return;
    const { x, y, c } = this.points.get(n);
    if (event.key in ARROWS) {
      const [dx, dy] = ARROWS[event.key].map((d) => d * STEP * (event.shiftKey ? 5 : 1));
      this.move(n, x + dx, y + dy);
    } else if (event.key === "PageUp" || event.key === "PageDown") {
      const numbers = [...this.points.keys()].sort((a, b) => a - b);
      const place = numbers.indexOf(n) + (event.key === "PageDown" ? 1 : -1);
      this.focus(numbers.at(place % numbers.length));
    } else if (event.key === "Enter" || event.key === " ") {
      this.callbacks.pick(n);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.callbacks.remove(n);
    } else if (event.key === "+") {
      this.callbacks.add(x + 0.2, y, c);
    } else {
      return;
    }
    event.preventDefault();
  }
}

function shapes(c) {
  const shape =
    c > 0
      ? svg("rect", { class: "shape", x: -5, y: -5, width: 10, height: 10 })
      : svg("circle", { class: "shape", r: 5.5 });
  return [svg("circle", { class: "touch", r: 13 }), svg("circle", { class: "ring", r: 10 }), shape];
}

const clamp = (x, edge) => Math.min(edge, Math.max(-edge, x));

/** Where the score is 0, as a path: each square between four cells gives its piece. */
function zeroLine(map, cells, size) {
  const at = (i) => (i / (cells - 1)) * 2 * size - size;
  const parts = [];
  for (let row = 0; row + 1 < cells; row += 1) {
    for (let column = 0; column + 1 < cells; column += 1) {
      const corners = [
        [0, 0],
        [1, 0],
        [1, 1],
        [0, 1],
      ].map(([dx, dy]) => {
        const score = map[(row + dy) * cells + column + dx] || 1e-9; // 0 counts as above
        return [at(column + dx), -at(row + dy), score];
      });
      const cuts = corners.flatMap(([x, y, score], k) => {
        const [u, v, next] = corners[(k + 1) % 4];
        if (score < 0 === next < 0) return [];
        const share = score / (score - next);
        return [`${(x + share * (u - x)).toFixed(1)} ${(y + share * (v - y)).toFixed(1)}`];
      });
      for (let k = 0; k + 1 < cuts.length; k += 2) parts.push(`M${cuts[k]}L${cuts[k + 1]}`);
    }
  }
  return parts.join("");
}
