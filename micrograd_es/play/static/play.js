// The page: its state stands in the address, and its server works out the rest.

import { number } from "./numbers.js";
import { drawCurve, drawNetwork, fillTable } from "./pictures.js";
import { Plane } from "./plane.js";
import { read } from "./reading.js";

const config = JSON.parse(document.body.dataset.config);
const texts = JSON.parse(document.body.dataset.texts);
const element = (id) => document.getElementById(id);
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

const stateOf = ({ search }) => ({
  ...config.defaults,
  ...Object.fromEntries(new URLSearchParams(search)),
});
let state = stateOf(location);
let shown = null; // the answer that the page shows, and the state that it belongs to
let longest = { start: "", curve: [[0, 0]] }; // the furthest curve from the present start
let running = false;
let loop = null; // the one loop that may run
let asking = null; // aborts the request in flight

// -- the address -----------------------------------------------------------------

function query(changed = {}) {
  const all = Object.entries({ ...state, ...changed });
  const told = all.filter(([name, text]) => text !== config.defaults[name]);
  return new URLSearchParams(told).toString();
}

const start = () => query({ updates: "0", point: "", lang: config.defaults.lang });
const entry = () => query({ updates: "0" });
let entered = entry(); // the back button goes from choice to choice, not from update to update

function showAddress() {
  const text = query();
  const write = entry() === entered ? "replaceState" : "pushState";
  entered = entry();
  try {
    history[write](null, "", text ? `?${text}` : location.pathname);
  } catch {
    // some browsers refuse an address that changes often; a later one will be taken
  }
  for (const link of document.querySelectorAll("[data-lang]")) {
    link.href = `?${query({ lang: link.dataset.lang })}`;
  }
}

// -- asking the server -----------------------------------------------------------

class Refused extends Error {}

async function answerTo(path, signal) {
  const response = await fetch(path, { signal });
  if (!response.ok) throw new Refused(await response.text());
  return response.json();
}

/** Goes to another state; the last one asked for wins, and one that is refused changes nothing. */
async function go(changed) {
  const before = state;
  state = { ...state, ...changed };
  asking?.abort();
  const mine = new AbortController();
  asking = mine;
  document.body.dataset.asking = "yes";
  try {
    let answer;
    do {
      answer = await answerTo(`/train?${query()}`, mine.signal);
      if (mine.signal.aborted) return;
      if (answer.stopped) state.updates = String(answer.updates);
      show(answer);
    } while (answer.updates < Number(state.updates));
    say(answer.stopped ? filled(texts.stopped, { n: answer.updates }) : "");
    if (answer.stopped) run(false);
    if (!running) showPicked(true);
  } catch (error) {
    if (error.name === "AbortError") return;
    state = shown?.state ?? before;
    run(false);
    say(error instanceof Refused ? error.message : texts.silent);
    showSettings();
    if (shown) show(shown.answer);
  } finally {
    if (asking === mine) {
      asking = null;
      document.body.dataset.asking = "no";
    }
  }
}

function say(text) {
  if (element("message").textContent !== text) element("message").textContent = text;
}

// -- showing ---------------------------------------------------------------------

function show(answer) {
  shown = { answer, state: { ...state } };
  const last = answer.curve.at(-1)[0];
  if (longest.start !== start() || longest.curve.at(-1)[0] <= last) {
    longest = { start: start(), curve: answer.curve };
  }
  const furthest = longest.curve.at(-1)[0];
  if (!running) showAddress();
  element("updates").textContent = answer.updates;
  element("time").max = Math.max(furthest, 1);
  element("time").value = answer.updates;
  element("back").disabled = element("start").disabled = answer.updates === 0;
  element("cost").textContent = number(answer.cost);
  element("right").textContent = filled(texts.right, {
    right: answer.points.length - answer.wrong.length,
    all: answer.points.length,
  });
  plane.show(answer, Number(state.point || -1));
  drawCurve(element("curve"), longest.curve, answer, (last, cost) =>
    filled(texts.curve, { last, cost }),
  );
  drawNetwork(element("network"), answer, (neurons, parameters) =>
    filled(texts.network, { neurons, parameters }),
  );
  if (element("weights").closest("details").open) fillTable(element("weights"), answer);
  element("restore").hidden = state.changes === "";
  showPicked(false);
}

function showSettings() {
  for (const name of ["data", "activation", "loss", "lr", "seed"]) {
    document.querySelector(`[name=${name}]`).value = state[name];
  }
  const layers = state.layers === "" ? [] : state.layers.split("-");
  element("neurons").replaceChildren(
    ...layers.map((n, i) => {
      const input = Object.assign(document.createElement("input"), {
        inputMode: "numeric",
        autocomplete: "off",
        value: n,
      });
      Object.assign(input.dataset, { least: 1, most: config.maxNeurons, step: 1 });
      input.setAttribute("aria-label", filled(texts.neurons, { n: i + 1 }));
      return input;
    }),
  );
  element("more").disabled = layers.length >= config.maxLayers;
  element("fewer").disabled = layers.length === 0;
}

/** The section on the point picked; its graph is drawn anew once training rests. */
function showPicked(withGraph) {
  const row = shown?.answer.points.find(([n]) => String(n) === state.point);
  element("picked").hidden = !row;
  if (!row) return;
  const [n, x, y, c] = row;
  element("number").textContent = n;
  for (const [id, value] of [
    ["x", x],
    ["y", y],
    ["class", c],
  ]) {
    if (document.activeElement !== element(id)) element(id).value = value;
  }
  element("steps").href = `/steps?${query()}`;
  element("alone").href = `/graph.svg?${query()}`;
  const graph = element("graph");
  const source = `/graph.svg?${query({ lang: state.lang })}`;
  if (withGraph && graph.getAttribute("src") !== source) {
    graph.alt = filled(texts.graph, { n });
    graph.src = source;
  }
}

element("graph").addEventListener("error", async () => {
  const { src } = element("graph");
  let response;
  do response = await fetch(src).catch(() => null);
  while (response?.status === 503 && element("graph").src === src); // still training: asked again, it gets further
  if (response?.ok) {
    element("graph").src = src;
    return;
  }
  element("no-graph").textContent = response ? await response.text() : texts.silent;
  element("no-graph").hidden = false;
  element("graph").hidden = true;
});
element("graph").addEventListener("load", () => {
  element("no-graph").hidden = true;
  element("graph").hidden = false;
});

// -- training --------------------------------------------------------------------

function run(on) {
  if (running && !on && shown) showAddress();
  running = on;
  element("run").textContent = on ? texts.pause : texts.run;
  element("run").setAttribute("aria-pressed", on);
  element("updates").setAttribute("aria-live", on ? "off" : "polite"); // twenty a second are too many to be read out
}

async function keepRunning() {
  const mine = {};
  loop = mine;
  while (running && loop === mine) {
    const began = performance.now();
    await forward(Number(element("speed").value));
    await new Promise((later) => setTimeout(later, Math.max(0, 50 - (performance.now() - began))));
  }
}

async function forward(n) {
  const now = Number(state.updates);
  const next = Math.min(now + n, config.maxUpdates);
  if (next === now) {
    run(false);
    say(filled(texts.last, { n: config.maxUpdates }));
  } else {
    await go({ updates: String(next) });
  }
}

function rest() {
  run(false);
  showPicked(true);
}

element("run").addEventListener("click", () => {
  if (running) return rest();
  run(true);
  keepRunning();
});
element("step").addEventListener("click", () => {
  run(false);
  forward(1);
});
const rewind = (n) => {
  run(false);
  go({ updates: String(Math.max(0, n)) });
};
element("back").addEventListener("click", () => rewind(Number(state.updates) - 1));
element("start").addEventListener("click", () => rewind(0));
element("time").addEventListener("input", (event) => rewind(Number(event.target.value)));

// -- settings --------------------------------------------------------------------

const form = document.querySelector(".settings");
const decimal = (x) => String(Number(Number(x).toFixed(6)));

/** The number in a field; null, and the page says so, where it has none of its kind. */
function numberIn(field) {
  const { least, most, step } = field.dataset;
  const x = read(field.value);
  const isInside = x !== null && x >= Number(least) && x <= Number(most);
  if (isInside && (!step || Number.isInteger(x))) return x;
  say(filled(step ? texts.whole : texts.number, { least, most }));
  return null;
}

addEventListener("keydown", (event) => {
  const { least, most, step } = event.target.dataset ?? {};
  const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  if (!step || !way) return;
  event.preventDefault();
  const next = (read(event.target.value) ?? Number(least)) + way * Number(step);
  event.target.value = Math.min(Number(most), Math.max(Number(least), next));
  event.target.dispatchEvent(new Event("change", { bubbles: true }));
});

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", (event) => {
  const { name, value } = event.target;
  const x = event.target.dataset.most ? numberIn(event.target) : 0;
  if (x === null) return showSettings();
  if (name === "data") go({ data: value, changes: "", point: "" });
  else if (name === "seed") go({ seed: decimal(x), changes: "", point: "" });
  else if (name === "lr") go({ lr: decimal(x) });
  else if (name) go({ [name]: value });
  else setLayers([...element("neurons").children].map((input) => decimal(read(input.value))));
});
function setLayers(layers) {
  go({ layers: layers.join("-") });
  showSettings();
}
const layers = () => (state.layers === "" ? [] : state.layers.split("-"));
element("more").addEventListener("click", () => setLayers([...layers(), layers().at(-1) ?? "4"]));
element("fewer").addEventListener("click", () => setLayers(layers().slice(0, -1)));
element("another").addEventListener("click", () => {
  go({ seed: String(Math.floor(Math.random() * 1000)), changes: "", point: "" });
  showSettings();
});
element("restore").addEventListener("click", () => go({ changes: "", point: "" }));

// -- points ----------------------------------------------------------------------

const words = () =>
  new Map(
    state.changes === ""
      ? []
      : state.changes.split("*").map((word) => [Number(word.split("_")[0]), word]),
  );

function changePoint(n, word, point = state.point) {
  const changes = words();
  if (word === null) changes.delete(n);
  else changes.set(n, word);
  const sorted = [...changes.entries()].sort(([a], [b]) => a - b);
  return go({ changes: sorted.map(([, text]) => text).join("*"), point });
}

const inPlane = (x) => decimal(Math.min(config.edge, Math.max(-config.edge, x)).toFixed(3));

const plane = new Plane(element("plane"), element("map"), {
  edge: config.edge,
  label: (n, x, y, c, wrong) =>
    filled(texts.point, { n, c, x: number(x), y: number(y) }) + (wrong ? `, ${texts.wrong}` : ""),
  tool: () => document.querySelector("[name=tool]:checked").value,
  move: (n, x, y, c) => changePoint(n, [n, inPlane(x), inPlane(y), c].join("_")),
  pick: (n) => go({ point: String(n) === state.point ? "" : String(n) }),
  remove(n) {
    if (shown.answer.points.length === 1) return say(texts.one);
    changePoint(
      n,
      n < config.count ? String(n) : null,
      String(n) === state.point ? "" : state.point,
    );
  },
  add(x, y, c) {
    const taken = words();
    let n = config.count;
    while (taken.has(n)) n += 1;
    if (n >= config.maxPoints) return say(filled(texts.full, { n: shown.answer.points.length }));
    return changePoint(n, [n, inPlane(x), inPlane(y), c].join("_")).then(() => plane.focus(n));
  },
});

for (const id of ["x", "y", "class"]) {
  element(id).addEventListener("change", () => {
    const [x, y] = [numberIn(element("x")), numberIn(element("y"))];
    if (x === null || y === null) return;
    plane.callbacks.move(Number(state.point), x, y, element("class").value);
  });
}
element("delete").addEventListener("click", () => plane.callbacks.remove(Number(state.point)));
document.querySelector(".row").addEventListener("submit", (event) => event.preventDefault());
element("weights")
  .closest("details")
  .addEventListener("toggle", () => shown && fillTable(element("weights"), shown.answer));
matchMedia("(prefers-color-scheme: dark)").addEventListener(
  "change",
  () => shown && show(shown.answer),
);

addEventListener("popstate", () => {
  state = stateOf(location);
  entered = entry();
  run(false);
  go({});
  showSettings();
});

showSettings();
go({});
