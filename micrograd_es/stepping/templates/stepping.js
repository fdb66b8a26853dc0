// The page: a place among the frames of a pass, and what is shown there.

import { judged } from "./answers.js";
import { makeFormulas } from "./formulas.js";
import { completions, knownAfter } from "./frames.js";
import { makePicture, put } from "./picture.js";

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const rows = new Map(
  [...document.querySelectorAll("tr[data-node]")].map((row) => [Number(row.dataset.node), row]),
);
const isStandalone = location.protocol !== "about:"; // not inside a notebook's frame

let language = document.documentElement.lang;
let order = "right";
let place = 0;
let isPredicting = false;
let timer = null;
let remembering = null;
let revealed = new Set();

const frames = () => data[order];
const frame = () => frames()[place];
const nameOf = (i) => data.nodes[i].name;
const isAsked = (f) =>
  isPredicting && (f.kind === "product" || f.kind === "sum") && !revealed.has(place);

const known = { right: knownAfter(data.right, data, false) };
const completed = { right: completions(data.right, data) };
if (data.wrong) {
  known.wrong = knownAfter(data.wrong, data, true);
  completed.wrong = completions(data.wrong, data);
}

// in x * x, which factor a product is about: each has a partial of its own
const which = (f) => (f.which ? ` (${t(f.which[0], { k: f.which[1] })})` : "");
const formulas = makeFormulas(data, frames, which);
const picture = makePicture($("canvas"), data, (node) => go(completed[order][node]));
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
    bold.textContent = value;
    return bold;
  });
}

/** What the texts on a frame may name. */
function words(f) {
  const enclosed = (text) => (text?.startsWith("−") ? `(${text})` : text);
  const texts = { root: nameOf(data.root) };
  for (const key of ["upstream", "partial", "result", "before", "contribution"]) {
    if (f[key]) texts[key] = f[key][0];
  }
  if (f.node !== undefined) {
    texts.node = nameOf(f.node);
    texts.value = data.nodes[f.node].value;
    texts.right = data.nodes[f.node].grad;
  }
  if (f.parent !== undefined) texts.parent = nameOf(f.parent) + (f.kind === "sum" ? "" : which(f));
  texts.factor = enclosed(texts.partial);
  texts.term = enclosed(texts.contribution);
  return texts;
}

// -- showing a frame -----------------------------------------------------------

function show() {
  const f = frame();
  const isHidden = isAsked(f);
  document.body.className = `${f.kind} ${order}`;
  for (const id of ["say", "note"]) {
    $(id).setAttribute("aria-live", timer ? "off" : "polite"); // playing is too quick to be read out
  }
  $("step-title").textContent = t(`phase_${f.kind}`);
  $("count").textContent = t("count", { k: place, n: frames().length - 1 });
  say(f, isHidden);
  $("formula").replaceChildren(...formulas[f.kind](f, isHidden));
  $("answer").hidden = !isHidden;
  showNodes(f, known[order][isHidden ? place - 1 : place]);
  picture.light(f);
  shrink($("formula"));
  reach(document.querySelector("tr.now"));
  showPlayer(f);
  remember();
}

function say(f, isHidden) {
  const values = words(f);
  const isWrong = order === "wrong";
  let said = `say_${f.why ?? f.kind}`;
  if (isHidden) said = `ask_${f.kind}`;
  else if (isWrong && f.kind === "start") said = "say_start_wrong";
  $("say").replaceChildren(...phrase(said, values));

  const note = [];
  if (isWrong && f.kind === "product" && f.upstream[0] !== values.right) {
    const mistake = completed.wrong[f.node] > place ? "say_early" : "say_inherited";
    note.push("✗ ", ...phrase(mistake, values));
  } else if (!isWrong && !isHidden && completed.right[f.parent] === place) {
    note.push(...phrase("say_final", values));
  }
  $("note").replaceChildren(...note);
}

function showNodes(f, { values, grads }) {
  const isWrong = order === "wrong";
  data.nodes.forEach((node, i) => {
    const grad = grads[i] ?? "—";
    const value = values[i] ? node.value : "—";
    const isBad = isWrong && node.wrong && grads[i] !== null;
    const row = rows.get(i);
    if (!row) return;
    row.classList.toggle("now", i === f.parent || (f.kind === "forward" && i === f.node));
    row.classList.toggle("bad", isBad);
    const [valueCell, gradCell, proofCell] = row.querySelectorAll("td");
    put(valueCell, value);
    put(gradCell, isBad ? `✗ ${grad}` : grad);
    put(proofCell, isWrong ? node.grad : proof(node, i, grads[i]));
    gradCell.title = isBad ? t("wrong_mark") : "";
    const verdict = node.agrees ? "agrees" : "differs";
    proofCell.title = isWrong || !proofCell.textContent ? "" : t(verdict);
    proofCell.classList.toggle("differs", !isWrong && !node.agrees);
    picture.write(i, value, grad, isBad);
  });
}

function proof(node, i, grad) {
  const complete = completed.right[i];
  if (grad === null || place < complete || (place === complete && isAsked(frame()))) return "";
  return `${node.difference} ${node.agrees ? "✓" : "≠"}`;
}

/** A formula a little too wide or too high is written smaller; a very large one scrolls. */
function shrink(box) {
  box.style.fontSize = "";
  const fits = Math.min(box.clientWidth / box.scrollWidth, box.clientHeight / box.scrollHeight);
  if (fits < 1) box.style.fontSize = `${Math.max(0.7, 0.98 * fits)}em`;
}

function reach(row) {
  if (!row) return;
  const table = row.closest(".scroll");
  const box = row.getBoundingClientRect();
  const view = table.getBoundingClientRect();
  const head = table.querySelector("thead").offsetHeight;
  if (box.top < view.top + head) table.scrollTop += box.top - view.top - head;
  const hidden = Math.max(0, box.bottom - view.bottom); // by whole rows: none is cut at the top
  table.scrollTop += Math.ceil(hidden / box.height) * box.height;
}

function showPlayer(f) {
  $("time").max = frames().length - 1;
  $("time").value = place;
  $("time").setAttribute("aria-valuetext", `${$("count").textContent}: ${t(`phase_${f.kind}`)}`);
  [...$("marks").children].forEach((mark, k) => {
    mark.classList.toggle("past", k <= place);
  });
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
  place = Math.min(frames().length - 1, Math.max(0, k));
  $("number").value = "";
  $("feedback").textContent = "";
  show();
}

function next() {
  if (isAsked(frame())) return reveal();
  if (place === frames().length - 1) return stop();
  go(place + 1);
  if (isAsked(frame()) && !timer) $("number").focus();
}

function reveal() {
  revealed.add(place);
  show();
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
  if (place === frames().length - 1) place = 0;
  const seconds = 1.2 / Number($("speed").value);
  timer = setInterval(() => (isAsked(frame()) ? stop() : next()), 1000 * seconds);
  next();
}

function choose(which) {
  if (!data[which]) {
    $("note").textContent = t("no_wrong_order");
    return;
  }
  halt();
  order = which;
  revealed = new Set();
  $("wrong").setAttribute("aria-pressed", which === "wrong");
  $("marks").replaceChildren(
    ...frames().map((f) => Object.assign(document.createElement("span"), { className: f.kind })),
  );
  $("marks").classList.toggle("many", frames().length > 120);
  go(0);
}

$("first").onclick = () => go(0);
$("back").onclick = () => go(place - 1);
$("play").onclick = play;
$("next").onclick = next;
$("last").onclick = () => go(frames().length - 1);
$("time").oninput = () => go(Number($("time").value));
$("speed").onchange = () => {
  if (!timer) return;
  halt();
  play();
};
$("wrong").onclick = () => choose(order === "wrong" ? "right" : "wrong");
$("marks").onclick = (event) => {
  const box = $("marks").getBoundingClientRect();
  go(Math.floor(((event.clientX - box.left) / box.width) * frames().length));
};
rows.forEach((row, i) => {
  row.querySelector("button").onclick = () => go(completed[order][i]);
});

const KEYS = {
  ArrowRight: next,
  ArrowLeft: () => go(place - 1),
  " ": play,
  Home: () => go(0),
  End: () => go(frames().length - 1),
};
document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  const isTyping =
    target.matches("select") || (target === $("number") && (target.value || key === " "));
  const isPressing = key === " " && target.matches("button");
  if (isTyping || isPressing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!(key in KEYS)) return;
  event.preventDefault();
  KEYS[key]();
});

// -- predict, then reveal ------------------------------------------------------

$("predict").onclick = () => {
  isPredicting = !isPredicting;
  revealed = new Set();
  $("predict").setAttribute("aria-pressed", isPredicting);
  halt();
  show();
  if (!$("answer").hidden) $("number").focus();
};
$("answer").onsubmit = (event) => {
  event.preventDefault();
  const f = frame();
  const key = judged($("number").value, f);
  if (key !== "correct") {
    $("feedback").textContent = t(key, words(f));
    return;
  }
  reveal();
  $("note").textContent = `✓ ${t("correct", words(f))}`;
  $("next").focus();
};
$("reveal").onclick = () => {
  reveal();
  $("next").focus();
};

// -- language, light and dark --------------------------------------------------

function label(element, key) {
  element.dataset.label = key;
  element.setAttribute("aria-label", t(key));
  if (element.matches("button")) element.title = t(key);
}

function speak(which) {
  language = document.documentElement.lang = which;
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = t(element.dataset.text);
  }
  for (const element of document.querySelectorAll("[data-label]")) {
    label(element, element.dataset.label);
  }
  for (const each of ["es", "en"]) $(each).setAttribute("aria-pressed", each === which);
  document.title = t("title", { name: nameOf(data.root) });
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
if (!data.wrong) $("wrong").title = t("no_wrong_order");
if (start) place = Math.min(frames().length - 1, Number(start));
speak(language);
