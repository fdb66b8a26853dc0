// The page: a place among the frames of a pass, and what is shown there.

import { judged, questions } from "./answers.js";
import { isScripted } from "./drawing.js";
import { bringIntoView, shrink } from "./fitting.js";
import { makeFormulas } from "./formulas.js";
import { completions, knownAfter } from "./frames.js";
import { makePicture } from "./picture.js";
import { makeSheet } from "./sheet.js";
import { makeTable } from "./table.js";

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const isStandalone = location.protocol !== "about:"; // not inside a notebook's frame

let language = document.documentElement.lang;
let order = "right";
let place = 0;
let isPredicting = false;
let timer = null;
let remembering = null;
let passed = 0; // how many marks of the timeline
let answered = new Map(); // how many of a frame's questions

const frames = () => data[order];
const frame = () => frames()[place];
const end = () => frames().length - 1;
const nameOf = (i) => data.nodes[i].name;
/** What the frame asks now; nothing where all is answered. */
const asked = () => (isPredicting ? questions(frame())[answered.get(place) ?? 0] : undefined);

const known = { right: knownAfter(data.right, data, false) };
const completed = { right: completions(data.right, data) };
if (data.wrong) {
  known.wrong = knownAfter(data.wrong, data, true);
  completed.wrong = completions(data.wrong, data);
}

// in x * x, which factor a product is about: each has a partial of its own
const which = (f) => (f.which ? ` (${t(f.which[0], { k: f.which[1] })})` : "");
const formulas = makeFormulas(data, frames, which);
const complete = (node) => go(completed[order][node]);
const picture = makePicture($("canvas"), data, complete);
const table = makeTable(data, complete, (key) => t(key));
const drawSheet = makeSheet($("paper"), data, picture.copy);
$("zoom-in").onclick = () => picture.zoom(1.25);
$("zoom-out").onclick = () => picture.zoom(1 / 1.25);
$("fit").onclick = picture.fit;

// -- words ---------------------------------------------------------------------

const t = (key, values = {}) =>
  data.texts[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

/** The same, the names of nodes in bold: "a" is a word in Spanish. */
function phrase(key, values) {
  return data.texts[language][key].split(/(\{\w+\})/).map((part) => {
    const value = values[part.slice(1, -1)] ?? part;
    if (!/^\{(node|parent|root)\}$/.test(part)) return value;
    const bold = document.createElement("b");
    bold.append(
      named(values[`${part.slice(1, -1)}Index`]),
      values[`${part.slice(1, -1)}More`] ?? "",
    );
    return bold;
  });
}

/** A name as it is read best: scripts, which are small as characters, as a formula. */
function named(i) {
  return isScripted(nameOf(i)) ? formulas.symbol(i) : nameOf(i);
}

/** What the texts on a frame may name. */
function words(f) {
  const enclosed = (text) => (text?.startsWith("−") ? `(${text})` : text);
  const texts = { root: nameOf(data.start), rootIndex: data.start };
  for (const key of ["upstream", "partial", "result", "before", "contribution"]) {
    if (f[key]) texts[key] = f[key][0];
  }
  if (f.node !== undefined) {
    texts.node = nameOf(f.node);
    texts.nodeIndex = f.node;
    texts.value = data.nodes[f.node].value;
    texts.right = data.nodes[f.node].grad;
  }
  if (f.parent !== undefined) {
    texts.parentMore = f.kind === "sum" ? "" : which(f);
    texts.parent = nameOf(f.parent) + texts.parentMore;
    texts.parentIndex = f.parent;
  }
  texts.factor = enclosed(texts.partial);
  texts.term = enclosed(texts.contribution);
  return texts;
}

// -- showing a frame -----------------------------------------------------------

function show() {
  const f = frame();
  const question = asked();
  const isBackward = f.to !== undefined && !data.ahead;
  document.body.className = `${f.kind} ${order}${isBackward ? " backward" : ""}`;
  for (const id of ["say", "note"]) {
    $(id).setAttribute("aria-live", timer ? "off" : "polite"); // playing is too quick to be read out
  }
  $("step-title").textContent = t(`phase_${f.kind}`);
  $("count").textContent = t("count", { k: place, n: end() });
  say(f, question);
  $("formula").replaceChildren(...formulas[f.kind](f, question));
  $("answer").hidden = !question;
  picture.reach(f.node);
  redraw();
  showPlayer(f);
  remember();
  // what measures comes last: each measurement after a change lays out all that has changed
  fit();
  picture.follow();
}

/** What depends on the room that there is: the size of the formula, and which rows are seen. */
function fit() {
  shrink($("formula"));
  bringIntoView(document.querySelector("tr.now"));
}
addEventListener("resize", fit);

/** The numbers and what is lit, in the table and in the drawing that is seen. */
function redraw() {
  const question = asked();
  showNodes(frame(), known[order][question ? place - 1 : place]);
  picture.light(frame(), question);
}
picture.onOpen(() => {
  redraw();
  picture.follow();
});

function say(f, question) {
  const values = words(f);
  const isWrong = order === "wrong";
  let said = `say_${f.why ?? f.kind}`;
  if (question) said = `ask_${question}`;
  else if (isWrong && f.kind === "start") said = "say_start_wrong";
  $("say").replaceChildren(...phrase(said, values));

  const note = [];
  if (isWrong && f.kind === "product" && f.upstream[0] !== values.right) {
    const mistake = completed.wrong[f.node] > place ? "say_early" : "say_inherited";
    note.push("✗ ", ...phrase(mistake, values));
  } else if (!isWrong && !question && f.why !== "constant" && completed.right[f.to] === place) {
    const final = { ...values, parent: nameOf(f.to), parentIndex: f.to, parentMore: "" };
    note.push(...phrase("say_final", final));
  }
  if (f.remark && !question) {
    if (note.length) note.unshift(" ");
    note.unshift(...phrase(`say_${f.remark}`, values));
  }
  $("note").replaceChildren(...note);
}

function showNodes(f, { values, grads }) {
  const isWrong = order === "wrong";
  const numbers = data.nodes.map((node, i) => ({
    value: values[i] ? node.value : "—",
    grad: grads[i] ?? "—",
    isBad: isWrong && node.wrong && grads[i] !== null,
    proven: isWrong ? node.grad : proof(node, i, grads[i]),
    isNow: i === f.to || (f.kind === "forward" && i === f.node),
  }));
  picture.write(numbers);
  table.write(numbers, isWrong);
}

function proof(node, i, grad) {
  const complete = completed.right[i];
  if (grad === null || place < complete || (place === complete && asked())) return "";
  return `${node.difference} ${node.agrees ? "✓" : "≠"}`;
}

function showPlayer(f) {
  $("time").max = end();
  $("time").value = place;
  $("time").setAttribute("aria-valuetext", `${$("count").textContent}: ${t(`phase_${f.kind}`)}`);
  const marks = $("marks").children;
  while (passed <= place) marks[passed++].classList.add("past");
  while (passed > place + 1) marks[--passed].classList.remove("past");
  $("play").classList.toggle("playing", timer !== null);
  label($("play"), timer ? "pause" : "play");
}

/** Keeps the place in the address, once it rests: browsers refuse one that changes at every step. */
function remember() {
  clearTimeout(remembering);
  if (!isStandalone) return;
  const address = `#${order === "wrong" ? "x" : ""}${place}`;
  remembering = setTimeout(() => history.replaceState(null, "", address), 150);
}

// -- moving --------------------------------------------------------------------

function go(k) {
  place = Math.min(end(), Math.max(0, k));
  askAnew();
}

function askAnew() {
  $("number").value = "";
  $("feedback").textContent = "";
  show();
}

function next() {
  if (asked()) return reveal(questions(frame()).length);
  if (place === end()) return stop();
  go(place + 1);
  if (asked() && !timer) $("number").focus();
}

/** Tells the answer to the question that is asked, or to the first so many. */
function reveal(count = (answered.get(place) ?? 0) + 1) {
  answered.set(place, count);
  askAnew();
}

function halt() {
  clearInterval(timer);
  timer = null;
}

function stop() {
  halt();
  show();
}

function play() {
  if (timer) return stop();
  if (place === end()) place = 0;
  const seconds = 1.2 / Number($("speed").value);
  timer = setInterval(() => (asked() ? stop() : next()), 1000 * seconds);
  next();
}

function choose(which) {
  halt();
  order = which;
  answered = new Map();
  $("wrong")?.setAttribute("aria-pressed", which === "wrong");
  $("marks").replaceChildren(
    ...frames().map((f) => Object.assign(document.createElement("span"), { className: f.kind })),
  );
  passed = 0;
  $("marks").classList.toggle("many", frames().length > 120);
  go(0);
}

$("first").onclick = () => go(0);
$("back").onclick = () => go(place - 1);
$("play").onclick = play;
$("next").onclick = next;
$("last").onclick = () => go(end());
$("time").oninput = () => go(Number($("time").value));
$("speed").onchange = () => {
  closeMore();
  if (!timer) return;
  halt();
  play();
};
if (data.wrong) $("wrong").onclick = () => choose(order === "wrong" ? "right" : "wrong");
$("marks").onclick = (event) => {
  const box = $("marks").getBoundingClientRect();
  go(Math.floor(((event.clientX - box.left) / box.width) * frames().length));
};

const KEYS = {
  ArrowRight: next,
  ArrowLeft: () => go(place - 1),
  " ": play,
  Home: () => go(0),
  End: () => go(end()),
};
document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  const isTyping =
    target.matches("select") || (target === $("number") && (target.value || key === " "));
  const isPressing = key === " " && target.matches("button");
  if (isTyping || isPressing || isSheet() || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!(key in KEYS)) return;
  event.preventDefault();
  KEYS[key]();
});

// -- predict, then reveal ------------------------------------------------------

$("predict").onclick = () => {
  isPredicting = !isPredicting;
  answered = new Map();
  $("predict").setAttribute("aria-pressed", isPredicting);
  halt();
  show();
  if (!$("answer").hidden) $("number").focus();
};
$("answer").onsubmit = (event) => {
  event.preventDefault();
  const [f, question] = [frame(), asked()];
  const key = judged($("number").value, f, question);
  if (key !== "correct") {
    $("feedback").textContent = t(key, words(f));
    return;
  }
  goOn();
  const result = question === "partial" ? f.partial[0] : f.result[0];
  $("note").textContent = `✓ ${t("correct", { result })}`;
};
$("reveal").onclick = goOn;

function goOn() {
  reveal();
  (asked() ? $("number") : $("next")).focus();
}

// -- how it is shown -----------------------------------------------------------

/** A button that stays pressed; while it is, the page is marked so. */
function toggle(id, mark, state, onChange = () => {}) {
  $(id).onclick = () => {
    const isOn = $(id).getAttribute(state) === "false";
    $(id).setAttribute(state, isOn);
    document.documentElement.toggleAttribute(mark, isOn);
    onChange(isOn);
  };
}
toggle("class-mode", "data-class", "aria-pressed", show);
toggle("table", "data-table", "aria-expanded");
toggle("more", "data-more", "aria-expanded");
/** Closes the menu of a small screen, which a choice there, a click outside and Escape do. */
function closeMore() {
  if ($("more").getAttribute("aria-expanded") === "false") return;
  if (document.activeElement.closest(".switches, .ways")) $("more").focus();
  $("more").click();
}
document.addEventListener("click", ({ target }) => {
  if (!target.closest("#more, .speed")) closeMore();
});
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape") closeMore();
});
const isSheet = () => "sheet" in document.documentElement.dataset;
toggle("sheet", "data-sheet", "aria-pressed", (isOn) => {
  if (!isOn) return;
  halt();
  drawSheet();
  print();
});
if ($("fold")) toggle("fold", "data-fold", "aria-pressed", picture.fold);
addEventListener("beforeprint", () => picture.spread(true));
addEventListener("afterprint", () => picture.spread(false));

// -- language, light and dark --------------------------------------------------

function label(element, key) {
  element.dataset.label = key;
  element.setAttribute("aria-label", t(key));
  if (element.matches("button")) element.title = t(key);
}

function speak(which) {
  language = document.documentElement.lang = which;
  const values = { root: nameOf(data.start), value: t("value"), grad: t("grad") };
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = t(element.dataset.text, values);
  }
  for (const element of document.querySelectorAll("[data-label]")) {
    label(element, element.dataset.label);
  }
  for (const each of ["es", "en"]) $(each).setAttribute("aria-pressed", each === which);
  document.title = t("title", { name: nameOf(data.root) });
  picture.speak(t);
  if (isSheet()) drawSheet();
  $("feedback").textContent = ""; // in the other language
  show();
}
$("es").onclick = () => speak("es");
$("en").onclick = () => speak("en");

const darkness = matchMedia("(prefers-color-scheme: dark)");

function paint(isDark) {
  document.documentElement.dataset.scheme = isDark ? "dark" : "light";
  $("dark").setAttribute("aria-pressed", isDark);
}
darkness.onchange = () => paint(darkness.matches);
$("dark").onclick = () => paint($("dark").getAttribute("aria-pressed") === "false");

// -- start ---------------------------------------------------------------------

const [, inWrongOrder, start] = location.hash.match(/^#(x?)(\d+)$/) ?? [];
paint(darkness.matches);
choose(inWrongOrder && data.wrong ? "wrong" : "right");
data.nodes.forEach((node, i) => {
  if (isScripted(node.name) && !node.number) table.name(i, named(i));
});
if (start) place = Math.min(end(), Number(start));
speak(language);
