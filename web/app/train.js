// The training page, whose requests a service worker hands to Python in this page.

import { element, engine, keep, texts } from "./page.js";

const { lang } = document.documentElement;
const wanted = new URLSearchParams(location.search).get("lang") ?? "es";
const other = element("site").dataset.other;

if (wanted !== lang) {
  location.replace(new URL(other + location.search, location.href));
} else if (!("serviceWorker" in navigator)) {
  element("message").textContent = texts.worker;
} else {
  const python = engine();
  const { serviceWorker } = navigator;
  serviceWorker.onmessage = async ({ data: { path, query }, ports: [port] }) => {
    port.postMessage(await python.ask(path, query));
  };
  await keep();
  if (!serviceWorker.controller) {
    await new Promise((done) => serviceWorker.addEventListener("controllerchange", done));
  }
  await import(new URL("static/play.js", location.href));
}
