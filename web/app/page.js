// What every page with Python has: the engine, how far its start is, and what it needs.

import { Engine } from "./engine.js";
import { unpacked } from "./inside.js";

export const element = (id) => document.getElementById(id);
export const { texts, has, version } = JSON.parse(element("site").textContent);
export const site = new URL(element("site").dataset.root, document.baseURI);
const framed = location.protocol === "about:"; // in a page that is one file

const starting = element("starting");
Object.assign(has, { site: site.href, inside: await unpacked() });
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

/** Starts Python, and shows so; that of a page around this one is there already. */
export function engine() {
  if (framed) return parent.python;
  const python = new Engine(has, texts.died);
  globalThis.python = python; // for whoever looks behind the page
  starting.hidden = false;
  python.addEventListener("progress", ({ detail: { loaded, whole } }) => {
    starting.querySelector("progress").value = loaded / whole;
    starting.querySelector("span").textContent = texts.starting
      .replace("{loaded}", megabytes(loaded))
      .replace("{whole}", megabytes(whole));
  });
  python.addEventListener("ready", () => {
    starting.hidden = true;
    document.body.dataset.python = "ready";
    keep();
  });
  python.addEventListener("dead", ({ detail: { forGood } }) => {
    starting.hidden = false;
    document.body.dataset.python = forGood ? "dead" : "starting";
    if (forGood) starting.querySelector("span").textContent = texts.cannot;
  });
  return python;
}

/** Has the service worker keep the site, so that it opens without a network. */
export async function keep() {
  if (!("serviceWorker" in navigator) || !version) return null;
  await navigator.serviceWorker.register(new URL("sw.js", site));
  return navigator.serviceWorker.ready;
}
