// The picked point: what is to be done with it next, its fields, and its graph, live.

import { number } from "./numbers.js";

/** What arrived of a number: of one that is not finite, its name. */
const written = (x) => number(x === null ? x : Number(x));

const element = (id) => document.getElementById(id);
const sleep = (ms) => new Promise((later) => setTimeout(later, ms));

export class Picked {
  constructor(texts, filled) {
    Object.assign(this, { texts, filled });
    // the pages that it opens, whose addresses end in what is shown
    this.links = ["steps", "alone"].map(element).map((link) => [link, link.getAttribute("href")]);
    this.source = ""; // the address of the graph that is shown
    this.wanted = this.drawn = ""; // the network and point of the numbers, and of the graph
    this.parts = []; // the texts of each node: its data and its gradient
    element("see-graph").addEventListener("click", () => {
      this.toTheGraph();
      element("picked-title").focus({ preventScroll: true });
    });
  }

  toTheGraph() {
    element("picked").scrollIntoView({ block: "start" });
  }

  /** Shows a point, and its numbers in the graph if that is of this network and point. */
  show(row, numbers, query, of) {
    this.wanted = of;
    for (const id of ["picked", "card"]) element(id).hidden = !row;
    element("call").hidden = Boolean(row);
    if (!row) {
      element("picked-name").textContent = "";
      this.source = this.drawn = "";
      return;
    }
    const [n, x, y, c] = row;
    const name = this.filled(this.texts.picked, { n, c: number(c) });
    if (element("picked-name").textContent !== name) element("picked-name").textContent = name;
    element("picked-cost").textContent = `C = ${written(numbers.at(-1)[0])}`;
    element("number").textContent = n;
    for (const [id, value] of Object.entries({ x, y, class: c })) {
      if (document.activeElement !== element(id)) element(id).value = value;
    }
    for (const [link, address] of this.links) link.href = address + query;
    if (!this.isLive || numbers.length === 1) return; // one: too many to be drawn one by one
    this.parts.forEach((texts, i) => {
      if (!texts || !numbers[i]) return;
      put(texts[0], written(numbers[i][0]));
      if (texts[1].textContent !== "—") put(texts[1], written(numbers[i][1])); // else it has none
    });
  }

  /** Whether the numbers in the graph follow the training by themselves. */
  get isLive() {
    return this.parts.length > 0 && this.drawn === this.wanted;
  }

  /** Draws the graph anew, so that everything in it is that of the update shown. */
  async draw(query, n, of) {
    const source = `graph.svg?${query}`;
    if (source === this.source) return;
    this.source = source;
    let response;
    do {
      if (response) await sleep(50);
      response = await fetch(source).catch(() => null);
    } while (response?.status === 503 && this.source === source); // asked again, it gets further
    const text = response ? await response.text() : this.texts.silent;
    if (this.source !== source) return; // another is wanted by now
    const drawn = Boolean(response?.ok);
    element("no-graph").hidden = drawn;
    element("graph").hidden = !drawn;
    if (drawn) this.put(text, n, of);
    else element("no-graph").textContent = text;
  }

  put(text, n, of) {
    const drawing = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    drawing.setAttribute("role", "img");
    drawing.setAttribute("aria-label", this.filled(this.texts.graph, { n }));
    const fresh = this.drawn !== of;
    this.drawn = of;
    element("graph").replaceChildren(document.adoptNode(drawing));
    const nodes = [...drawing.querySelectorAll("g[id^=n]")];
    this.parts = [];
    for (const node of nodes) {
      const texts = [...node.querySelectorAll("text")].slice(-2);
      if (texts.length === 2) this.parts[Number(node.id.slice(1))] = texts;
    }
    if (!fresh) return;
    this.toTheCost();
    // who has gone to it before it was there stays with it
    if (document.activeElement === element("picked-title")) this.toTheGraph();
  }

  /** Scrolls to C, on the right: a backward pass begins there. */
  toTheCost() {
    const last = [...element("graph").querySelectorAll("g.node")].reduce((a, b) =>
      b.getBoundingClientRect().right > a.getBoundingClientRect().right ? b : a,
    );
    const [part, whole] = [last, element("graph")].map((e) => e.getBoundingClientRect());
    element("graph").scrollLeft += part.right - whole.right + 24;
    const height = Math.min(whole.height / 2, 150); // what is seen of it first
    element("graph").scrollTop += (part.top + part.bottom) / 2 - whole.top - height;
  }
}

/** Writes a number where another stood, with the same middle. */
function put(text, written) {
  if (text.textContent === written) return;
  if (text.getAttribute("text-anchor") !== "middle") {
    const box = text.getBBox();
    text.setAttribute("x", (box.x + box.width / 2).toFixed(2));
    text.setAttribute("text-anchor", "middle");
  }
  text.textContent = written;
}
