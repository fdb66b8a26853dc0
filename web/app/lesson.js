// A lesson: live pictures, and questions to answer before it goes on.

import { Live } from "./live.js";
import { engine, texts } from "./page.js";
import { read as number } from "./reading.js";

const python = engine();
for (const element of document.querySelectorAll(".live")) new Live(element, python, texts);

// -- questions: what follows one comes when it is answered -----------------------------

const key = document.querySelector("article").dataset.lesson; // in either language
const parts = [...document.querySelectorAll(".part")];
const pictures = [...document.querySelectorAll(".live")].map((element) => ({
  element,
  hides: element.classList.contains("hides"),
  part: parts.indexOf(element.closest(".part")),
}));
let reached = Number(read());

function read() {
  try {
    return localStorage.getItem(key) ?? 0;
  } catch {
    return 0; // a browser that keeps nothing begins anew each time
  }
}

function reach(n) {
  reached = Math.max(reached, n);
  for (const [i, part] of parts.entries()) part.hidden = i > reached;
  for (const { element, hides, part } of pictures) {
    // what is asked for is not shown meanwhile: until the next picture, or the lesson's end
    const later = pictures.map((other) => other.part).filter((other) => other > part);
    element.classList.toggle("hides", hides && reached < Math.min(...later, parts.length - 1));
  }
  try {
    localStorage.setItem(key, reached);
  } catch {
    // as above
  }
}

for (const [i, part] of parts.entries()) {
  const form = part.querySelector("form.question");
  if (!form) continue;
  const { answer, hint } = form.dataset;
  const [field, show, say] = ["input", ".show", ".say"].map((what) => form.querySelector(what));
  const done = (text) => {
    form.classList.add("answered");
    say.textContent = text;
    reach(i + 1);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const [given, right] = [number(field.value), Number(answer)];
    form.classList.remove("answered"); // it may be the second answer
    if (given === null) say.textContent = texts.unread;
    else if (Math.abs(given - right) <= 1e-3 * Math.max(1, Math.abs(right)) + 1e-9)
      done(texts.right);
    else {
      say.textContent = `${texts.wrong} ${hint}`;
      show.hidden = false;
    }
  });
  const tell = () => {
    field.value = answer;
    done(texts.shown);
  };
  show.addEventListener("click", tell);
  if (i < reached) tell(); // it was answered at another time
}
reach(reached);
globalThis.arrive?.();
