// A box with the interpreter: programs, what they print, and their pictures.

import { element, engine, texts } from "./page.js";

const python = engine();
const code = element("code");
const KEY = "program"; // what one has typed stays as long as the tab, in each language

try {
  // what was typed before this script came is newer than what was kept
  if (code.value === code.defaultValue) code.value = sessionStorage.getItem(KEY) ?? code.value;
} catch {
  // a browser that keeps nothing begins with the example
}

function keep() {
  try {
    sessionStorage.setItem(KEY, code.value);
  } catch {
    // as above
  }
}

let runs = 0;

/** Runs the program; of several that were asked for, the last one counts. */
async function run() {
  runs += 1;
  const mine = runs;
  document.querySelector("main").classList.add("stale"); // a picture of another program
  element("run").disabled = true;
  element("printed").textContent = texts.running;
  const { status, text } = await python.ask("python", { code: code.value });
  if (mine !== runs) return;
  const { printed, shown } = status === 200 ? JSON.parse(text) : { printed: text, shown: "" };
  element("printed").textContent = printed;
  element("shown").innerHTML = shown;
  element("run").disabled = false;
  document.querySelector("main").classList.remove("stale");
}

/** Puts another program in, as if it were typed, so that undoing brings one's own back. */
function replace(program) {
  code.focus();
  code.select();
  if (document.execCommand("insertText", false, program)) return;
  code.value = program;
  keep();
}

element("run").addEventListener("click", run);
code.addEventListener("input", keep);
code.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
});
for (const button of document.querySelectorAll("button[data-code]")) {
  button.addEventListener("click", () => {
    replace(button.dataset.code);
    button.focus(); // and no keyboard of a phone lies over what is shown
    run();
  });
}
globalThis.arrive?.();
