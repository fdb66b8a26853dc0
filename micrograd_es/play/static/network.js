// The network: a line for each weight, a box for each neuron with the map of its output.
// Each parameter can be pointed at, focused, picked and set.

import { number } from "./numbers.js";
import { paint } from "./paint.js";
import { svg } from "./svg.js";

const [WIDTH, HEIGHT] = [480, 270];
const NEXT = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** Layers of neurons: `w`, `b`, and the index of each among the parameters. */
function neuronsOf({ inputs, layers }) {
  const found = [];
  let index = 0;
  let before = inputs.length;
  for (const size of layers) {
    found.push(
      Array.from({ length: size }, () => {
        const w = Array.from({ length: before }, (_, m) => index + m);
        index += before + 1;
        return { w, b: index - 1 };
      }),
    );
    before = size;
  }
  return found;
}

export class Network {
  /** `look(parameter or null)` is told what is pointed at, `pick(parameter, to be set)`. */
  constructor(drawing, canvas, { look, pick }) {
    Object.assign(this, { drawing, canvas, look, pick });
    this.built = "";
    this.parts = []; // by parameter: its element, and the line or box that is seen of it
    this.boxes = []; // by input or neuron: x, y, side
    drawing.addEventListener("pointerover", (event) => this.pointed(event.target));
    drawing.addEventListener("pointerleave", () => this.pointed(null));
    drawing.addEventListener("focusin", (event) => this.pointed(event.target));
    drawing.addEventListener("focusout", () => this.pointed(null));
    drawing.addEventListener("click", (event) => {
      const index = indexOf(event.target);
      if (index !== null) this.pick(index, event.pointerType !== "touch");
    });
    drawing.addEventListener("keydown", (event) => this.typed(event));
  }

  pointed(target) {
    const index = indexOf(target);
    if (index !== null) this.parts[index].element.setAttribute("aria-label", this.told(index));
    this.look(index);
  }

  typed(event) {
    const index = indexOf(event.target);
    if (index === null || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key in NEXT) {
      this.focus((index + NEXT[event.key] + this.parts.length) % this.parts.length);
    } else if (event.key === "Home" || event.key === "End") {
      this.focus(event.key === "Home" ? 0 : this.parts.length - 1);
    } else if (event.key === "Enter" || event.key === " ") {
      this.pick(index, true);
    } else {
      return;
    }
    event.preventDefault();
  }

  focus(index) {
    for (const { element } of this.parts) element.setAttribute("tabindex", -1);
    this.parts[index]?.element.setAttribute("tabindex", 0);
    this.parts[index]?.element.focus();
  }

  told(index) {
    const { labels, parameters, gradient } = this.answer;
    const of = labels[index];
    return `${of} = ${number(parameters[index])}, ∂C/∂${of} = ${number(gradient[index])}`;
  }

  show(answer, picked, label) {
    this.answer = answer;
    const shape = JSON.stringify([answer.inputs, answer.layers]);
    if (this.built !== shape) {
      this.build(answer);
      this.built = shape;
      const neurons = answer.layers.reduce((sum, n) => sum + n, 0);
      const told = label.replace("{neurons}", neurons);
      this.drawing.setAttribute(
        "aria-label",
        told.replace("{parameters}", answer.parameters.length),
      );
    }
    this.parts.forEach(({ element, seen, neuron }, index) => {
      const x = answer.parameters[index];
      if (neuron === undefined) {
        seen.setAttribute("class", `weight ${x < 0 ? "negative" : "positive"}`);
        seen.setAttribute("stroke-width", Math.min(8, 0.5 + 2.2 * Math.abs(x)).toFixed(2));
      }
      const pressed = String(index === picked);
      if (element.getAttribute("aria-pressed") !== pressed) {
        element.setAttribute("aria-pressed", pressed);
      }
    });
  }

  build(answer) {
    const layers = neuronsOf(answer);
    const sizes = [answer.inputs.length, ...answer.layers];
    const room = Math.min(44, (HEIGHT - 8) / Math.max(...sizes));
    const side = Math.min(34, room * 0.84);
    const wide = answer.inputs.length > 2; // room for the names of what is computed
    const [left, right] = [wide ? 104 : 50 + side / 2, WIDTH - 42 - side / 2];
    const x = (l) => left + ((right - left) * l) / (sizes.length - 1);
    const y = (l, n) => HEIGHT / 2 + (n - (sizes[l] - 1) / 2) * (sizes[l] > 6 ? room : 44);
    this.boxes = [];
    this.parts = [];
    const box = (l, n, kind) => {
      const [u, v] = [x(l) - side / 2, y(l, n) - side / 2];
      this.boxes.push({ x: u, y: v, side });
      const corner = side / 6;
      return svg("rect", { class: kind, x: u, y: v, width: side, height: side, rx: corner });
    };
    const named = (text, at) => svg("text", at, text);
    const boxes = answer.inputs.map((_, m) => box(0, m, "input"));
    const size = Math.min(15, side);
    const texts = answer.inputs.map((text, m) =>
      named(text, {
        x: x(0) - side / 2 - 6,
        y: y(0, m) + size / 3,
        "text-anchor": "end",
        "font-size": size,
      }),
    );
    const lines = [];
    const control = (index) =>
      svg("g", {
        role: "button",
        tabindex: index === 0 ? 0 : -1,
        "data-parameter": index,
        "aria-label": answer.labels[index],
      });
    layers.forEach((neurons, l) => {
      neurons.forEach(({ w, b }, n) => {
        w.forEach((index, m) => {
          const ends = {
            x1: x(l) + side / 2,
            y1: y(l, m),
            x2: x(l + 1) - side / 2,
            y2: y(l + 1, n),
          };
          const element = control(index);
          const seen = svg("line", ends);
          element.append(svg("line", { class: "reach", ...ends }), seen);
          this.parts[index] = { element, seen };
          lines.push(element);
        });
        const element = control(b);
        const seen = box(l + 1, n, "neuron");
        element.append(seen);
        this.parts[b] = { element, seen, neuron: this.boxes.length - 1 };
        boxes.push(element);
        if (l === layers.length - 1) {
          const at = { x: x(l + 1) + side / 2 + 6, y: y(l + 1, n) + size / 3, "font-size": size };
          texts.push(named(["y⁽¹⁾", "y⁽²⁾"][n], at));
        }
      });
    });
    this.drawing.replaceChildren(...lines, ...boxes, ...texts);
    this.clear();
  }

  clear() {
    this.maps = null;
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  /** Paints in each box what the server answered for it. */
  paint(maps) {
    if (maps.neurons.length !== this.boxes.length) return; // of another network
    this.maps = maps;
    const scale = this.canvas.width / WIDTH;
    maps.neurons.forEach((map, i) => {
      const { x, y, side } = this.boxes[i];
      paint(this.canvas, map, maps.cells, [x * scale, y * scale, side * scale, side * scale]);
    });
  }
}

function indexOf(target) {
  const element = target?.closest("[data-parameter]");
  return element ? Number(element.dataset.parameter) : null;
}
