// One answer of the training page on a page of its own: its steps, or its graph.

import { element, engine, ofTraining } from "./page.js";

const { status, kind, text } = await ofTraining(engine(), location.search);
if (status !== 200) element("say").textContent = text;
else if (kind === "text/html") {
  const frame = document.querySelector("iframe");
  frame.hidden = false;
  frame.srcdoc = text;
} else element("graph").innerHTML = text;
globalThis.arrive?.();
