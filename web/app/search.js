// One search over all pages. The index of a language comes when somebody goes to the field.

import { within } from "./late.js";
import { folded, options } from "./words.js";

const MOST = 12; // results shown
const AROUND = 9; // words of a section before and after the one that was found
const SECONDS = 20; // for the index to come
const PARTS = /[\p{Z}\p{P}]+/u; // between which MiniSearch reads words

const box = document.querySelector("[role=search]");
const field = box.querySelector("input");
const panel = box.querySelector(".found");
const said = box.querySelector("[role=status]");
const list = box.querySelector("ol");
const { missing, none, root, some } = box.dataset;
// the reference is one page for all languages, and is told which one its reader has
const language =
  box.dataset.language || (new URLSearchParams(location.search).get("lang") === "en" ? "en" : "es");
const site = new URL(root || "./", document.baseURI);
let index;
let tries = 0;

async function loaded() {
  tries += 1; // browsers ask no second time for a module of the same address
  const module = new URL(`search/minisearch.js#${tries}`, site);
  const [{ MiniSearch, default: engine = MiniSearch }, response] = await Promise.all([
    self.MiniSearch ? self : import(module), // a page from a disk has it
    fetch(new URL(`search/${language}.json`, site)),
  ]);
  if (!response.ok) throw new Error(response.status);
  return engine.loadJSON(await response.text(), options);
}

/** The index, or null where it does not come; it is then fetched anew. */
function ready() {
  index ??= within(SECONDS, loaded()).catch(() => {
    index = null;
    return null;
  });
  return index;
}

function made(tag, text, parent) {
  const element = document.createElement(tag);
  element.textContent = text;
  parent.append(element);
  return element;
}

/** A result: where it leads, and the words around the first that was looked for. */
function shown({ address, heading, title, text, match }) {
  const link = made("a", "", made("li", "", list));
  const [page, part] = address.split("#");
  const asked = address.startsWith("reference/") ? `?lang=${language}` : "";
  link.href = `${root}${page}${asked}${part ? `#${part}` : ""}`;
  made("b", heading || title, link);
  if (heading) made("small", title, link);
  const words = text.split(" ");
  const parts = words.map((word) => word.split(PARTS).map(folded));
  // what was asked before what only begins so, and a long word before an article
  const exact = field.value.split(PARTS).map(folded);
  const weight = (term) => term.length + (exact.includes(term) ? 100 : 0);
  const terms = Object.keys(match).sort((a, b) => weight(b) - weight(a));
  const term = terms.find((term) => parts.some((those) => those.includes(term)));
  const first = parts.findIndex((those) => those.includes(term));
  const from = Math.max(0, first - AROUND);
  const line = made("span", from ? "… " : "", link);
  words.slice(from, from + 2 * AROUND).forEach((word, i) => {
    made(from + i === first ? "mark" : "span", word, line);
    line.append(" ");
  });
}

async function search() {
  const asked = field.value;
  if (!asked.trim()) {
    panel.hidden = true;
    return;
  }
  const known = await ready();
  if (asked !== field.value) return; // typed on
  const found = known?.search(asked) ?? [];
  list.replaceChildren();
  const text = found.length ? some : none;
  said.textContent = known ? text.replace("{n}", found.length) : missing;
  found.slice(0, MOST).forEach(shown);
  panel.dataset.asked = asked;
  panel.hidden = false;
}

field.addEventListener("focus", ready, { once: true });
field.addEventListener("input", search);
field.addEventListener("focus", search);
box.addEventListener("focusout", ({ relatedTarget }) => {
  panel.hidden = !box.contains(relatedTarget);
});
list.addEventListener("click", () => {
  panel.hidden = true; // it may lead into this same page
});
box.addEventListener("keydown", (event) => {
  const places = [field, ...list.querySelectorAll("a")];
  const here = places.indexOf(document.activeElement);
  const to = { ArrowDown: here + 1, ArrowUp: here - 1 }[event.key];
  if (places[to]) {
    places[to].focus();
    event.preventDefault();
  } else if (event.key === "Enter" && here === 0) places[1]?.click();
  else if (event.key === "Escape") {
    field.value = "";
    panel.hidden = true;
    field.focus();
  }
});
if (document.activeElement === field) search(); // typed before this script was there
