// Weights and biases: one is pointed at or picked in the network, read, and set.

import { expected, numberIn } from "./fields.js";
import { Network } from "./network.js";
import { decimal, number } from "./numbers.js";

const element = (id) => document.getElementById(id);

export class Parameters {
  /** `does` has `answer()`, `set(parameter, number)`, `say(text)` and `cover(map, cells)`. */
  constructor(texts, does) {
    Object.assign(this, { texts, does });
    this.picked = null; // the index of the one picked
    this.looked = null; // of the one pointed at
    this.field = element("parameter");
    this.network = new Network(element("network"), element("neuron-maps"), {
      look: (index) => this.look(index),
      pick: (index, toSet) => this.pick(index, toSet),
    });
    this.field.addEventListener("change", () => this.set());
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.network.focus(this.picked);
    });
  }

  show(answer) {
    if (this.picked >= answer.labels.length) this.picked = null;
    if (this.looked >= answer.labels.length) this.looked = null;
    this.network.show(answer, this.picked, this.texts.network);
    this.tell(answer);
  }

  look(index) {
    this.looked = index;
    if (!this.does.answer()) return;
    this.tell(this.does.answer());
    this.cover();
  }

  pick(index, toSet) {
    this.picked = index;
    this.show(this.does.answer());
    if (!toSet) return;
    this.field.focus();
    this.field.select();
  }

  /** Says the one that is pointed at, or else the one picked. */
  tell({ labels, parameters, gradient }) {
    const busy = document.activeElement === this.field; // it is being set
    const index = busy ? this.picked : (this.looked ?? this.picked);
    element("no-parameter").hidden = index !== null;
    element("parameter-row").hidden = index === null;
    if (index === null) return;
    element("parameter-name").textContent = labels[index];
    element("parameter-gradient").textContent = `∂C/∂${labels[index]} = ${number(gradient[index])}`;
    if (!busy) this.field.value = written(parameters[index]);
  }

  set() {
    const x = numberIn(this.field);
    if (x === null) {
      this.does.say(expected(this.field, this.texts));
      this.field.value = written(this.does.answer().parameters[this.picked]);
    } else {
      this.field.value = decimal(x);
      this.does.set(this.picked, x);
    }
  }

  // -- maps

  paint(maps) {
    this.network.paint(maps);
    element("neuron-maps").dataset.painted = "yes";
    this.cover();
  }

  repaint() {
    if (this.network.maps) this.network.paint(this.network.maps);
  }

  clear() {
    this.network.clear();
    this.cover();
  }

  /** Shows the map of the neuron that is pointed at in the plane. */
  cover() {
    const neuron = this.network.parts[this.looked]?.neuron;
    const { maps } = this.network;
    const map = maps && neuron !== undefined ? maps.neurons[neuron] : null;
    if (map || this.covered) this.does.cover(map, maps?.cells);
    this.covered = map !== null;
  }
}

const written = (x) => decimal(x.toFixed(4));
