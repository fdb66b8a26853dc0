// Worksheets, made by Python in this page.

import { query } from "./live.js";
import { element, engine, showAddress } from "./page.js";

const python = engine();
const sheet = element("sheet");

async function make() {
  const [seed, level] = [element("seed").value, element("level").value];
  const { status, text } = await python.ask("worksheet", { seed, level });
  element("say").textContent = status === 200 ? "" : text;
  if (status !== 200) return;
  sheet.srcdoc = text;
  sheet.hidden = false;
  element("print").disabled = false;
  showAddress(query({ seed, level }));
}

element("make").addEventListener("submit", (event) => {
  event.preventDefault();
  make();
});
element("print").addEventListener("click", () => sheet.contentWindow.print());
const asked = new URLSearchParams(location.search);
for (const name of ["seed", "level"]) {
  if (asked.has(name)) element(name).value = asked.get(name);
}
if (asked.has("seed")) element("make").requestSubmit(); // which refuses what makes no sense
globalThis.arrive?.();
