// The settings: a form that shows the state and changes it.

import { expected, numberIn } from "./fields.js";
import { decimal } from "./numbers.js";

const CHOICES = ["data", "noise", "test", "activation", "loss"];
const NUMBERS = ["lr", "l1", "l2", "seed"];
// a change of these is another set of points, or another network
const OTHER_POINTS = ["data", "noise", "seed"];
const OTHER_NETWORK = ["features", "layers", "loss", "seed"];

export class Settings {
  /** `does` has `go(changed)`, `say(text)` and `paste()`. */
  constructor(form, config, texts, does) {
    Object.assign(this, { form, config, texts, does });
    const button = (id, work) => document.getElementById(id).addEventListener("click", work);
    form.addEventListener("change", (event) => this.changed(event.target));
    button("more", () => this.setLayers([...this.layers(), this.layers().at(-1) ?? "4"]));
    button("fewer", () => this.setLayers(this.layers().slice(0, -1)));
    button("another", () => this.set("seed", String(Math.floor(Math.random() * 1000))));
    button("open-paste", () => does.paste());
  }

  /** Shows a state, and gives what does then what was chosen before this script was there. */
  begin(state) {
    const fields = [...this.form.elements].filter(({ name }) => name);
    const chosen = fields.map(chosenIn);
    this.show(state);
    return () =>
      fields.forEach((field, i) => {
        if (chosen[i] === null || chosen[i] === String(field[held(field)])) return;
        if (held(field) === "checked") field.checked = !field.checked;
        else field.value = chosen[i];
        this.changed(field);
      });
  }

  show(state) {
    this.state = state;
    const { form, config } = this;
    for (const name of [...CHOICES, ...NUMBERS]) {
      const field = form.querySelector(`[name=${name}]`);
      const same = [...(field.options ?? [])].find(({ value }) => value === String(state[name]));
      field.value = same ? same.value : state[name];
    }
    const features = state.features.split("-");
    for (const box of form.querySelectorAll("[name=feature]")) {
      box.checked = features.includes(box.value);
      box.disabled = box.checked && features.length === 1;
    }
    const layers = this.layers();
    const fields = document.getElementById("neurons");
    // those that are there stay: one of them may be where somebody types
    while (fields.children.length > layers.length) fields.lastChild.remove();
    layers.forEach((n, i) => {
      if (!fields.children[i]) fields.append(this.fieldOfLayer(i));
      fields.children[i].value = n;
    });
    document.getElementById("more").disabled = layers.length >= config.maxLayers;
    document.getElementById("fewer").disabled = layers.length === 0;
  }

  fieldOfLayer(i) {
    const input = document.createElement("input");
    Object.assign(input, { className: "number", inputMode: "numeric" });
    const kind = { least: 1, most: this.config.maxNeurons, step: 1, whole: "" };
    Object.assign(input.dataset, kind);
    input.setAttribute("aria-label", this.texts.neurons.replace("{n}", i + 1));
    return input;
  }

  layers() {
    return this.state.layers === "" ? [] : this.state.layers.split("-");
  }

  changed(field) {
    const { name } = field;
    if (field.matches(".number") && numberIn(field) === null) {
      this.does.say(expected(field, this.texts));
      return this.show(this.state);
    }
    if (name === "data" && field.value === this.config.own) this.does.paste();
    else if (name === "feature") {
      const boxes = [...this.form.querySelectorAll("[name=feature]:checked")];
      this.set("features", boxes.map(({ value }) => value).join("-"));
    } else if (field.matches(".number") && name) this.set(name, decimal(numberIn(field)));
    else if (name) this.set(name, field.value);
    else {
      const inputs = [...document.getElementById("neurons").children];
      this.setLayers(inputs.map((input) => decimal(numberIn(input))));
    }
  }

  setLayers(layers) {
    this.set("layers", layers.join("-"));
  }

  /** Goes to a state with this setting, and without what made sense with the other alone. */
  set(name, value) {
    const changed = { [name]: value };
    if (OTHER_POINTS.includes(name) && !(name !== "data" && this.ofOwn())) {
      Object.assign(changed, { changes: "", point: "" });
    }
    if (OTHER_NETWORK.includes(name)) changed.edits = "";
    this.does.go(changed);
    this.show({ ...this.state, ...changed });
  }

  ofOwn() {
    return this.state.data === this.config.own;
  }

  /** All settings as one line of text, for paper. */
  inWords() {
    const said = [...this.form.querySelectorAll("label")].map((label) => {
      const field = label.querySelector("select, input.number");
      if (!field) return null;
      const value = field.selectedOptions ? field.selectedOptions[0].text : field.value;
      return `${label.firstChild.textContent.trim()}: ${value}`;
    });
    const group = (id, values) =>
      `${document.querySelector(`#${id} legend`).textContent}: ${values.join(", ") || "—"}`;
    const boxes = [...this.form.querySelectorAll("[name=feature]:checked")];
    const features = boxes.map((box) => box.parentNode.textContent.trim());
    const groups = [group("features", features), group("layers", this.layers())];
    return [...said.filter(Boolean), ...groups].join(" · ");
  }
}

/** Which property of a field holds what is chosen. */
const held = ({ type }) => (type === "checkbox" ? "checked" : "value");

/** What is chosen in a field, as text; null where it is as the page came. */
function chosenIn(field) {
  const came = field.options
    ? [...field.options].find((option) => option.defaultSelected)?.value
    : field.type === "checkbox"
      ? field.defaultChecked
      : field.defaultValue;
  const now = String(field[held(field)]);
  return now === String(came) ? null : now;
}
