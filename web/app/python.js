// A box with the interpreter: programs, what they print, and their pictures.

import { Silent } from "./engine.js";
import { query } from "./live.js";
import { element, engine, texts } from "./page.js";

const python = engine();
const code = element("code");

async function run() {
  element("run").disabled = true;
  element("printed").textContent = texts.running;
  try {
    const { lang } = document.documentElement;
    const { text } = await python.ask("python", query({ code: code.value, lang }));
    const { printed, shown } = JSON.parse(text);
    element("printed").textContent = printed;
    element("shown").innerHTML = shown;
  } catch (error) {
    if (!(error instanceof Silent)) throw error;
    element("printed").textContent = texts.died;
  }
  element("run").disabled = false;
}

element("run").addEventListener("click", run);
code.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
});
for (const button of document.querySelectorAll("button[data-code]")) {
  button.addEventListener("click", () => {
    code.value = button.dataset.code;
    run();
  });
}
