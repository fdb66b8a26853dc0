// The site as one file: its other pages open in frames of this one, answered by its Python.

import { read } from "./live.js";
import { element, has } from "./page.js";
import { live } from "./try.js";

const FIRST = "index.html";
const frames = new Map(); // by the name of a page; one that is left stays as it is
let current = FIRST;

function show(name) {
  current = name;
  document.querySelector("main").hidden = name !== FIRST;
  for (const [other, frame] of frames) frame.hidden = other !== name;
  const room = name.replace(/[^/]*$/, "") || name; // a lesson is among the lessons
  for (const link of document.querySelectorAll("nav.site a:not(.home)")) {
    if (named(link.getAttribute("href"), FIRST).startsWith(room)) link.ariaCurrent = "page";
    else link.ariaCurrent = null;
  }
}

/** The name of the page at an address that stands in another page. */
const named = (address, page) =>
  new URL(address, `https://inside/${page}`).pathname.replace(/^\/(en\/)?/, "");

/** A frame for the page; what is a link in it leads here too. */
function opened(text) {
  const frame = document.createElement("iframe");
  frame.className = "whole";
  frame.addEventListener("load", () => {
    frame.title = frame.contentDocument.title;
    frame.contentDocument.addEventListener("click", follow);
  });
  frame.srcdoc = text;
  element("pages").append(frame);
  return frame;
}

async function open(address) {
  const { searchParams } = new URL(address, `https://inside/${current}`);
  const name = named(address, current);
  const page = has.inside[`pages/${name}`];
  if (page && !frames.has(name)) frames.set(name, opened(await page.text()));
  if (page) show(name);
  else if (name === FIRST) {
    show(name);
    if (searchParams.has("f")) live.go(searchParams.get("f"), read(searchParams.get("at") ?? ""));
    if (searchParams.has("steps")) element("step").click();
  } else if (name.startsWith("play/")) {
    if (!searchParams.has("lang")) searchParams.set("lang", document.documentElement.lang);
    let answer; // of a point: its steps, or its graph
    do answer = await globalThis.python.ask(name, searchParams.toString());
    while (answer.status === 503);
    element("steps").querySelector("iframe").srcdoc = answer.text;
    element("steps").showModal();
  }
}

function follow(event) {
  const link = event.target.closest("a[href]");
  const address = link?.getAttribute("href") ?? "";
  if (address === "" || /^\w+:/.test(address)) return;
  event.preventDefault();
  if (address.startsWith("#")) link.ownerDocument.getElementById(address.slice(1)).scrollIntoView();
  else open(address);
}
document.addEventListener("click", follow);
