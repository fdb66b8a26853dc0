// Worksheets, made by Python in this page.

import { query } from "./live.js";
import { element, engine } from "./page.js";

const python = engine();
const sheet = element("sheet");

async function make() {
  const [seed, level] = [element("seed").value, element("level").value];
  const { lang } = document.documentElement;
  const { status, text } = await python.ask("worksheet", query({ seed, level, lang }));
  element("say").textContent = status === 200 ? "" : text;
  if (status !== 200) return;
  sheet.srcdoc = text;
  sheet.hidden = false;
  element("print").disabled = false;
  history.replaceState(null, "", `?${query({ seed, level })}`);
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
if (asked.has("seed")) make();
