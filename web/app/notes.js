// The notes, whose numbers are written anew, all of them, at those in the fields.

import { Live, query, read } from "./live.js";
import { element, engine, showAddress, texts } from "./page.js";

const python = engine();
const live = new Live(document.querySelector(".live"), python, texts);
let [writing, again] = [false, false];

live.onchange = () => showAddress(query({ at: live.at }));
live.onanswer = async () => {
  again = true;
  if (writing) return;
  writing = true;
  while (again) {
    again = false;
    const { status, text } = await python.ask("notes", { at: live.at });
    if (status === 200) element("document").innerHTML = text;
  }
  writing = false;
};

const at = new URLSearchParams(location.search).get("at");
if (at) live.go(live.f, new Map([...live.numbers, ...read(at)]));
globalThis.arrive?.();
