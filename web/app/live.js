// A live picture: an expression and its variables, answered by Python as they change.

import { read as number } from "./reading.js";

const plain = (x) => String(Number(x.toPrecision(12)));

/** The name and number pairs as they stand in an address: a:1,b:2. */
export const written = (numbers) => [...numbers].map(([name, x]) => `${name}:${x}`).join(",");

export const read = (at) =>
  new Map(
    at
      .split(",")
      .filter(Boolean)
      .map((pair) => pair.split(":")),
  );

/** An address's query that a person can read. */
export const query = (settings) =>
  Object.entries(settings)
    .filter(([, text]) => text !== "")
    .map(
      ([name, text]) =>
        `${name}=${encodeURIComponent(text).replace(/%(2C|3A|2F|28|29)/g, unescaped)}`,
    )
    .join("&");
const unescaped = (code) => decodeURIComponent(code);

export class Live {
  #asking = false;
  #again = false;
  #shown = ""; // the names that have fields now
  #known = new Map(); // each number that a name had last, also of names that are not there now
  #answered; // what the picture is of

  /**
   * @param element A `.live` of the page's template.
   * @param engine Who answers.
   * @param texts The page's texts.
   */
  constructor(element, engine, texts) {
    this.element = element;
    this.engine = engine;
    this.texts = texts;
    this.f = element.dataset.f;
    this.numbers = read(element.dataset.at);
    this.wrt = element.dataset.wrt; // whose derivatives are explained; empty for all
    this.#answered = this.#asked;
    this.onchange = () => {};
    this.onanswer = () => {};
    this.#fields([...this.numbers]);
    this.#fit();
  }

  get at() {
    return written(this.numbers);
  }

  get #asked() {
    return query({ f: this.f, at: this.at, wrt: this.wrt });
  }

  #part(name) {
    return this.element.querySelector(`.${name}`);
  }

  /** Another expression, or other numbers. */
  go(f, numbers = this.numbers) {
    if (numbers !== this.numbers) {
      this.#shown = ""; // the fields hold others
      this.#part("numbers").replaceChildren();
    }
    this.f = f;
    this.numbers = numbers;
    this.#changed();
  }

  #changed() {
    this.onchange();
    this.refresh();
  }

  /** Asks, one question at a time: of what is typed meanwhile only the last counts. */
  async refresh() {
    if (this.#asking) {
      this.#again = true;
      return;
    }
    this.#asking = true;
    this.element.dataset.asking = "yes";
    this.element.classList.toggle("stale", this.#asked !== this.#answered);
    do {
      this.#again = false;
      const { f, wrt } = this;
      for (const [name, x] of this.numbers) this.#known.set(name, x);
      const at = written(this.#known);
      const { status, text } = await this.engine.ask("try", { f, at, wrt });
      if (!this.#again) this.#show(status, text);
    } while (this.#again);
    this.#answered = this.#asked;
    this.element.classList.remove("stale");
    this.#asking = false;
    this.element.dataset.asking = "no";
  }

  #show(status, text) {
    if (status !== 200) {
      if (status === 500) console.error(text);
      this.#say(status === 500 ? this.texts.fault : text);
      return;
    }
    const answer = JSON.parse(text);
    this.#fields(answer.variables);
    this.#say(this.#unread);
    for (const part of ["graph", "result", "explanations"]) {
      const place = this.#part(part);
      if (place) fill(place, answer[part]);
    }
    this.#fit();
    this.onanswer(answer);
  }

  /** A graph is made smaller where it is too wide, as far as its words can be read. */
  #fit() {
    const svg = this.#part("graph")?.querySelector("svg");
    if (svg) svg.style.minWidth = `${0.75 * svg.width.baseVal.value}px`;
  }

  /** What is wrong with a field, while the picture is of the number that it held before. */
  get #unread() {
    const field = this.#part("numbers").querySelector("[aria-invalid=true]");
    return field ? `${field.labels[0].textContent}: ${this.texts.unread}` : "";
  }

  #say(text) {
    const place = this.#part("problem");
    if (place.textContent !== text) place.textContent = text;
    this.element.classList.toggle("refused", text !== "");
    for (const part of ["graph", "result", "explanations"]) {
      this.#part(part)?.setAttribute("aria-disabled", text !== ""); // it is of what was typed before
    }
  }

  /** A slider and a field for each variable; those that are there stay as they are. */
  #fields(variables) {
    const names = variables.map(([name]) => name).join();
    const old = this.numbers;
    const known = (name) => old.get(name) ?? this.#known.get(name);
    this.numbers = new Map(variables.map(([name, x]) => [name, known(name) ?? plain(x)]));
    if (names === this.#shown) return;
    this.#shown = names;
    const place = this.#part("numbers");
    const there = new Map([...place.children].map((row) => [row.dataset.name, row]));
    // one of them may be where somebody types: it is not even moved
    for (const [name, row] of there) if (!this.numbers.has(name)) row.remove();
    variables.forEach(([name], i) => {
      const row = there.get(name) ?? this.#field(name, this.numbers.get(name));
      if (place.children[i] !== row) place.insertBefore(row, place.children[i] ?? null);
    });
    if (variables.length !== old.size) this.onchange();
  }

  #field(name, text) {
    const x = Number(text);
    const edge = Math.max(5, 2 * Math.abs(x));
    const slider = input({ type: "range", min: -edge, max: edge, step: "any", value: x });
    const field = input({ type: "text", inputMode: "decimal", value: text, size: 8 });
    slider.setAttribute("aria-label", this.texts.slider.replace("{name}", name));
    const label = document.createElement("label");
    const shown = document.createElement("var");
    shown.textContent = name;
    label.append(shown, field);
    slider.step = edge / 50;
    slider.addEventListener("input", () => {
      field.value = plain(Number(slider.value));
      field.setAttribute("aria-invalid", "false");
      this.numbers.set(name, field.value);
      this.#changed();
    });
    field.addEventListener("input", () => {
      const typed = number(field.value);
      const valid = Number.isFinite(typed);
      field.setAttribute("aria-invalid", String(!valid));
      if (!valid) {
        this.#say(this.#unread);
        return;
      }
      slider.max = Math.max(Number(slider.max), Math.abs(typed));
      slider.min = -slider.max;
      slider.value = typed;
      this.numbers.set(name, String(typed));
      this.#changed();
    });
    const row = document.createElement("div");
    row.dataset.name = name;
    row.append(label, slider);
    return row;
  }
}

/** Puts an answer where another was, whose details stay open. */
function fill(place, html) {
  const open = [...place.querySelectorAll("details")].map((each) => each.open);
  place.innerHTML = html;
  place.querySelectorAll("details").forEach((each, i) => {
    each.open = open[i] ?? false;
  });
}

const input = (properties) => Object.assign(document.createElement("input"), properties);
