// What every page with Python has: the engine, how far its start is, and what it needs.

import { Engine } from "./engine.js";
import { unpacked } from "./inside.js";

export const element = (id) => document.getElementById(id);
export const { texts, has, version } = JSON.parse(element("site").textContent);
export const site = new URL(element("site").dataset.root, document.baseURI);
const framed = location.protocol === "about:"; // in a page that is one file

Object.assign(has, { site: site.href, inside: await unpacked() });
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

// the other language shows what was asked for here, even before this page does
if (location.search) showAddress(location.search.slice(1));

/** Starts Python, and shows so; that of a page around this one is there already. */
export function engine() {
  if (framed) return parent.python;
  const python = new Engine(has, texts.died);
  globalThis.python = python; // for whoever looks behind the page
  const starting = element("starting");
  const again = starting.querySelector("button");
  const say = (state, text) => {
    document.body.dataset.python = state;
    starting.hidden = state === "ready";
    again.hidden = state !== "dead";
    if (text) starting.querySelector("span").textContent = text;
  };
  say("starting");
  python.addEventListener("progress", ({ detail: { loaded, whole } }) => {
    starting.querySelector("progress").value = loaded / whole;
    starting.querySelector("span").textContent = texts.starting
      .replace("{loaded}", megabytes(loaded))
      .replace("{whole}", megabytes(whole));
  });
  python.addEventListener("ready", () => {
    say("ready");
    keep().catch(() => {}); // a browser that keeps nothing for this page does without
  });
  python.addEventListener("dead", ({ detail: { why, forGood } }) => {
    console.warn(why);
    if (forGood) say("dead", texts.cannot);
    else say("starting", texts.starts);
  });
  again.addEventListener("click", () => {
    say("starting", texts.starts);
    python.again();
  });
  return python;
}

/** What the training page shows on a page of its own, asked again until it is that far. */
export async function ofTraining(python, address) {
  const settings = new URLSearchParams(address);
  const path = `play/${settings.get("path")}`;
  settings.delete("path");
  let answer;
  do answer = await python.ask(path, settings);
  while (answer.status === 503);
  return answer;
}

/** Has the service worker keep the site, so that it opens without a network. */
async function keep() {
  if (version) await navigator.serviceWorker?.register(new URL("sw.js", site));
}

/** Writes into the address what a page shows, and into those of other languages. */
export function showAddress(query) {
  for (const link of document.querySelectorAll("a[data-language]")) link.search = `?${query}`;
  try {
    history.replaceState(null, "", `?${query}`);
  } catch {
    // some browsers refuse an address that changes often; a later one will be taken
  }
}
