// The page: its state stands in the address, and what answers its requests works out the rest.

import { bounded } from "./bounded.js";
import { expected, numberIn } from "./fields.js";
import { decimal, number } from "./numbers.js";
import { makeTabs } from "./panes.js";
import { Parameters } from "./parameters.js";
import { pointsIn, Unreadable } from "./paste.js";
import { Picked } from "./picked.js";
import { drawCurve, drawLandscape, fillTable } from "./pictures.js";
import { Plane } from "./plane.js";
import { Settings } from "./settings.js";
import { offerToShare } from "./share.js";

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
let longest = { start: "", curve: [[0, 0]], tests: [] }; // the furthest curves from this start
let running = false;
let loop = null; // the one loop that may run
let asking = null; // aborts the request in flight

// -- the address -----------------------------------------------------------------

function query(changed = {}) {
  const all = Object.entries({ ...state, ...changed });
  const told = all.filter(([name, text]) => text !== config.defaults[name]);
  return new URLSearchParams(told).toString();
}

const { lang, view } = config.defaults;
const start = () => query({ updates: "0", point: "", lang, view });
const shape = () => query({ updates: "0", lang, view }); // all that the picked point's graph is made of
const now = () => query({ point: "", lang, view });
const entry = () => query({ updates: "0" });
let entered = entry(); // the back button goes from choice to choice, not from update to update

function showAddress() {
  for (const link of document.querySelectorAll("[data-lang]")) {
    link.href = `?${query({ lang: link.dataset.lang })}`;
  }
  share(`?${query()}`);
  if (running) sometimes();
  else write();
}

function write() {
  const text = query();
  const change = entry() === entered ? "replaceState" : "pushState";
  entered = entry();
  try {
    history[change](null, "", text ? `?${text}` : location.pathname);
  } catch {
    // some browsers refuse an address that changes often; a later one will be taken
  }
}
const sometimes = bounded(write, 1000);

element("open-share").addEventListener("click", () => run(false)); // what you see is shared
const share = offerToShare(texts);

// -- asking ----------------------------------------------------------------------

class Refused extends Error {}

/** The answer; one who is too busy (503: others ask too) is asked again a few times. */
async function answerTo(path, signal) {
  let response = await fetch(path, { signal });
  for (let k = 0; k < 10 && response.status === 503 && !signal?.aborted; k += 1) {
    await new Promise((later) => setTimeout(later, 300));
    response = await fetch(path, { signal });
  }
  if (!response.ok) throw new Refused(await response.text());
  return response.json();
}

/** Goes to another state; the last one asked for wins, and one that is refused changes nothing. */
async function go(changed) {
  const before = state;
  const byItself = running && "updates" in changed;
  if (!byItself) say(""); // a training that goes on leaves what was said meanwhile
  document.body.classList.toggle("stale", shown !== null && !byItself);
  state = { ...state, ...changed };
  asking?.abort();
  const mine = new AbortController();
  asking = mine;
  document.body.dataset.asking = "yes";
  try {
    let answer;
    do {
      answer = await answerTo(`train?${query()}`, mine.signal);
      if (mine.signal.aborted) return;
      if (answer.stopped) state.updates = String(answer.updates);
      show(answer);
    } while (answer.updates < Number(state.updates));
    if (answer.stopped) {
      say(filled(texts.stopped, { n: answer.updates }));
      run(false);
    }
    if (!running) drawPicked();
  } catch (error) {
    if (error.name === "AbortError") return;
    state = shown?.state ?? before;
    run(false);
    say(error instanceof Refused ? error.message : texts.silent);
    settings.show(state);
    if (shown) show(shown.answer);
    else if (error instanceof Refused && query()) {
      state = { ...config.defaults }; // what the address asks for cannot be, and the page goes on
      await go({});
      say(error.message);
    }
  } finally {
    if (asking === mine) {
      asking = null;
      document.body.dataset.asking = "no";
      document.body.classList.remove("stale");
    }
  }
}

function say(text) {
  if (element("message").textContent !== text) element("message").textContent = text;
}

// What is drawn beside the training is asked for by itself, and only so often: what nobody
// sees takes no time, and a picture that does not come leaves the one before.

const wanted = (path) => answerTo(`${path}?${now()}`).catch(() => null);
const drawMaps = bounded(async () => {
  if (!element("maps").checked) return;
  const maps = await wanted("maps");
  if (maps && element("maps").checked) parameters.paint(maps);
}, 200);
const drawCosts = bounded(async () => {
  if (element("landscape-panel").hidden) return;
  const [canvas, drawing] = [element("heights"), element("landscape")];
  const answer = await wanted("landscape");
  if (!answer) return;
  drawLandscape(canvas, drawing, answer, (least, most) => filled(texts.landscape, { least, most }));
}, 800);
const drawPicked = bounded(async () => {
  if (state.point) await picked.draw(query({ lang: state.lang }), state.point, shape());
}, 200);

// -- showing ---------------------------------------------------------------------

function show(answer) {
  shown = { answer, state: { ...state } };
  const last = answer.curve.at(-1)[0];
  if (longest.start !== start() || longest.curve.at(-1)[0] <= last) {
    longest = { start: start(), curve: answer.curve, tests: answer.tests };
  }
  const furthest = longest.curve.at(-1)[0];
  showAddress();
  element("slow").hidden = !answer.slow;
  element("updates").textContent = answer.updates;
  element("time").max = Math.max(furthest, 1);
  element("time").value = answer.updates;
  element("back").disabled = element("start").disabled = answer.updates === 0;
  showCosts(answer);
  plane.show(answer, Number(state.point || -1));
  parameters.show(answer);
  if (!element("curve-panel").hidden) showCurve();
  if (!element("weights-panel").hidden) fillTable(element("weights"), answer);
  element("restore").hidden = state.changes === "" || state.data === config.own;
  element("restore-weights").hidden = state.edits === "";
  document.documentElement.dataset.view = state.view;
  element("class-mode").setAttribute("aria-pressed", state.view === "class");
  const row = answer.points.find(([n]) => String(n) === state.point);
  picked.show(row, answer.picked, query(), shape());
  drawMaps();
  drawCosts();
}

function showCosts({ cost, tests, points, wrong, held }) {
  element("cost").textContent = number(cost);
  const right = (numbers) => {
    const missed = wrong.filter((n) => numbers.has(n)).length;
    return filled(texts.right, { right: numbers.size - missed, all: numbers.size });
  };
  const testing = new Set(held);
  const training = new Set(points.map(([n]) => n).filter((n) => !testing.has(n)));
  element("right").textContent = right(training);
  document.documentElement.dataset.testing = testing.size ? "yes" : "no";
  for (const part of document.querySelectorAll(".if-test")) part.hidden = testing.size === 0;
  if (testing.size === 0) return;
  element("test-cost").textContent = number(tests.at(-1)[1]);
  element("test-right").textContent = right(testing);
}

function showCurve() {
  drawCurve(element("curve"), longest, shown.answer, (last, cost) =>
    filled(texts.curve, { last, cost }),
  );
}

makeTabs(element("tabs"), (panel) => {
  if (!shown) return;
  if (panel === "weights-panel") fillTable(element("weights"), shown.answer);
  else if (panel === "landscape-panel") drawCosts();
  else showCurve();
});

function repaint() {
  if (!shown) return;
  show(shown.answer);
  parameters.repaint();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);

// on paper a page is light
addEventListener("beforeprint", () => {
  document.documentElement.dataset.scheme = "light";
  if (!shown) return;
  repaint();
  showCurve();
  fillTable(element("weights"), shown.answer);
  element("handout").textContent = settings.inWords();
});
addEventListener("afterprint", () => {
  delete document.documentElement.dataset.scheme;
  repaint();
});

// -- the network -----------------------------------------------------------------

const parameters = new Parameters(texts, {
  answer: () => shown?.answer,
  set(parameter, x) {
    run(false);
    // what was set later on belongs to another way
    const kept = state.edits.split("*").filter((word) => {
      const [update, index] = word.split("_").map(Number);
      const ago = Number(state.updates) - update;
      return word && (ago > 0 || (ago === 0 && index !== parameter));
    });
    go({ edits: [...kept, [state.updates, parameter, decimal(x)].join("_")].join("*") });
  },
  say,
  cover: (map, cells) => plane.cover(map, cells),
});
element("maps").addEventListener("change", () => {
  if (element("maps").checked) drawMaps();
  else parameters.clear();
});
element("restore-weights").addEventListener("click", () => go({ edits: "" }));

// -- training --------------------------------------------------------------------

function run(on) {
  const rests = running && !on;
  running = on;
  if (rests && shown) showAddress();
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
    if (!picked.isLive) drawPicked();
    await new Promise((later) => setTimeout(later, Math.max(0, 50 - (performance.now() - began))));
  }
}

async function forward(n) {
  const from = Number(state.updates);
  const next = Math.min(from + n, config.maxUpdates);
  if (next === from) {
    run(false);
    say(filled(texts.last, { n: config.maxUpdates }));
  } else {
    await go({ updates: String(next) });
  }
}

element("run").addEventListener("click", () => {
  run(!running);
  say("");
  if (running) keepRunning();
  else drawPicked();
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

const settings = new Settings(document.querySelector(".settings"), config, texts, {
  go,
  say,
  paste: () => element("paste").showModal(),
});
element("class-mode").addEventListener("click", () => {
  go({ view: state.view === "class" ? "all" : "class" });
});
element("restore").addEventListener("click", () => go({ changes: "", point: "" }));
element("paste").addEventListener("close", () => settings.show(state));
element("take").addEventListener("click", () => {
  try {
    const { points, scaled } = pointsIn(element("pasted").value, config.edge, config.maxPoints);
    const changes = points.map((point, n) => [n, ...point].join("_")).join("*");
    element("paste").close();
    go({ data: config.own, changes, point: "" }).then(() => {
      settings.show(state);
      if (scaled && state.changes === changes) say(texts.scaled);
    });
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    element("unreadable").textContent = filled(texts.paste[error.message], error.values);
  }
});

// -- points ----------------------------------------------------------------------

const words = () =>
  new Map(
    state.changes === ""
      ? []
      : state.changes.split("*").map((word) => [Number(word.split("_")[0]), word]),
  );
const ofData = () => (state.data === config.own ? 0 : config.count);

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
  label: (n, x, y, c, wrong, held) =>
    [
      filled(texts.point, { n, c: number(c), x: number(x), y: number(y) }),
      ...(wrong ? [texts.wrong] : []),
      ...(held ? [texts.held] : []),
    ].join(", "),
  tool: () => document.querySelector("[name=tool]:checked").value,
  move: (n, x, y, c) => changePoint(n, [n, inPlane(x), inPlane(y), c].join("_")),
  pick: (n) => go({ point: String(n) === state.point ? "" : String(n) }),
  remove(n) {
    if (shown.answer.points.length === 1) return say(texts.one);
    const point = String(n) === state.point ? "" : state.point;
    changePoint(n, n < ofData() ? String(n) : null, point);
  },
  add(x, y, c) {
    const taken = words();
    let n = ofData();
    while (taken.has(n)) n += 1;
    if (n >= config.maxPoints) return say(filled(texts.full, { n: shown.answer.points.length }));
    return changePoint(n, [n, inPlane(x), inPlane(y), c].join("_")).then(() => plane.focus(n));
  },
});

const picked = new Picked(texts, filled);
for (const id of ["x", "y", "class"]) {
  element(id).addEventListener("change", () => {
    const [x, y] = [numberIn(element("x")), numberIn(element("y"))];
    for (const [field, value] of Object.entries({ x, y })) {
      if (value === null) {
        say(expected(element(field), texts));
        const row = shown.answer.points.find(([n]) => String(n) === state.point);
        element(field).value = row[field === "x" ? 1 : 2];
        return;
      }
    }
    plane.callbacks.move(Number(state.point), x, y, element("class").value);
  });
}
element("delete").addEventListener("click", () => plane.callbacks.remove(Number(state.point)));
element("unpick").addEventListener("click", () => plane.callbacks.pick(Number(state.point)));
for (const form of document.querySelectorAll("form:not([method=dialog])")) {
  form.addEventListener("submit", (event) => event.preventDefault());
}

addEventListener("popstate", () => {
  state = stateOf(location);
  entered = entry();
  run(false);
  go({});
  settings.show(state);
});

const early = settings.begin(state);
go({});
early();
