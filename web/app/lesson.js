// A lesson: live pictures, and questions to answer before it goes on.

import { Live } from "./live.js";
import { engine, texts } from "./page.js";

const python = engine();
for (const element of document.querySelectorAll(".live")) new Live(element, python, texts);

// -- questions: what follows one comes when it is answered -----------------------------

const key = `lesson ${document.title}`;
const parts = [...document.querySelectorAll(".part")];
const pictures = document.querySelectorAll(".live.hides");
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
  const asking = reached < parts.length - 1; // what is asked for is not shown meanwhile
  for (const picture of pictures) picture.classList.toggle("hides", asking);
  try {
    localStorage.setItem(key, reached);
  } catch {
    // as above
  }
}

const number = (text) => Number(text.trim().replace(",", ".").replace("−", "-") || Number.NaN);

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
    if (Math.abs(given - right) <= 1e-3 * Math.max(1, Math.abs(right)) + 1e-9) done(texts.right);
    else {
      say.textContent = `${texts.wrong} ${hint}`;
      show.hidden = false;
    }
  });
  show.addEventListener("click", () => {
    field.value = form.dataset.shown;
    done(texts.shown);
  });
}
reach(reached);
