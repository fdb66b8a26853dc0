// "Try it": an expression as one types it. The address holds everything.

import { Live, query, read } from "./live.js";
import { element, engine, showAddress, texts } from "./page.js";

const python = engine();
const picture = document.querySelector(".live");
export const live = new Live(picture, python, texts);
const field = element("f");
const asked = new URLSearchParams(location.search);
const view = { steps: asked.has("steps") ? "1" : "", embed: asked.has("embed") ? "1" : "" };

const here = (more = {}) => query({ f: live.f, at: live.at, ...view, ...more });

const copying = [...document.querySelectorAll("button[data-copies]")];
const copy = copying[0].textContent;

function changed() {
  for (const button of copying) button.textContent = copy; // that was another address
  showAddress(here());
  const address = new URL(`?${here({ steps: "", embed: "" })}`, location.href);
  element("address").value = address;
  const framed = new URL(`?${here({ embed: "1" })}`, location.href).href.replaceAll("&", "&amp;");
  element("frame").value =
    `<iframe src="${framed}" width="100%" height="640" title="micrograd_es"></iframe>`;
}

live.onchange = () => {
  if (field.value !== live.f) field.value = live.f;
  changed();
};
live.onanswer = () => {
  changed();
  if (view.steps) showSteps();
};
field.addEventListener("input", () => live.go(field.value));
field.form.addEventListener("submit", (event) => event.preventDefault()); // Enter
const examples = element("examples");
function example() {
  if (!examples.value) return;
  const chosen = new URLSearchParams(examples.value);
  live.go(chosen.get("f"), read(chosen.get("at")));
  examples.value = "";
}
examples.addEventListener("change", example);

// -- the steps, in a frame over the page ---------------------------------------------

const steps = element("steps");

async function showSteps() {
  const { status, text } = await python.ask("steps", { f: live.f, at: live.at });
  if (status !== 200) {
    view.steps = "";
    changed();
    picture.querySelector(".problem").textContent = text;
    return;
  }
  if (view.steps) showPage(text); // else closed meanwhile
}

/** Over this page, in a frame that is seen before it loads: Chromium may leave another one blank. */
export function showPage(text) {
  const frame = steps.querySelector("iframe");
  if (!steps.open) steps.showModal();
  if (frame.srcdoc !== text) frame.srcdoc = text;
}

element("step").addEventListener("click", () => {
  view.steps = "1";
  changed();
  showSteps();
});
steps.addEventListener("close", () => {
  view.steps = "";
  steps.querySelector("iframe").srcdoc = "";
  changed();
});
element("back").addEventListener("click", () => steps.close());

for (const button of copying) {
  button.addEventListener("click", async () => {
    const copied = element(button.dataset.copies);
    copied.select();
    try {
      await navigator.clipboard.writeText(copied.value);
    } catch {
      document.execCommand("copy"); // in a frame, or where the address is not https
    }
    button.textContent = texts.copied;
  });
}

document.body.classList.toggle("embedded", view.embed === "1");
const typed = field.value !== live.f; // before this script was there, or before a reload
const at = asked.has("f") ? read(asked.get("at") ?? "") : live.numbers;
if (typed) live.go(field.value, at);
else if (asked.has("f")) live.go(asked.get("f"), at);
else changed();
if (view.steps && !asked.has("f")) showSteps();
example(); // one may have been chosen before this script was there
globalThis.arrive?.();
