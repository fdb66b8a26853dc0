// The notes, whose numbers are written anew, all of them, at those in the fields.

import { Live } from "./live.js";
import { element, engine, texts } from "./page.js";

const python = engine();
const live = new Live(document.querySelector(".live"), python, texts);
let [writing, again] = [false, false];

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
