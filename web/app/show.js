// One answer of the training page on a page of its own: its steps, or its graph.

import { element, engine } from "./page.js";

const asked = new URLSearchParams(location.search);
const python = engine();
let answer;
do answer = await python.ask(`play/${asked.get("path")}`, asked.get("query"));
while (answer.status === 503); // still training: asked again, it gets further

const { status, kind, text } = answer;
if (status !== 200) element("say").textContent = text;
else if (kind === "text/html") {
  const frame = document.querySelector("iframe");
  frame.hidden = false;
  frame.srcdoc = text;
} else element("graph").innerHTML = text;
