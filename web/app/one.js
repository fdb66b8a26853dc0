// The site as one file: its other pages open in frames of this one, answered by its Python.

import { holding } from "./inside.js";
import { read } from "./live.js";
import { element, has, ofTraining, site } from "./page.js";
import { live, showPage } from "./try.js";

const FIRST = "index.html";
const frames = new Map(); // by the name of a page; one that is left stays as it is
let current = FIRST;
globalThis.fetch = holding(has.inside, site, fetch); // for the search

function show(name) {
  current = name;
  for (const part of document.querySelectorAll("main, footer")) part.hidden = name !== FIRST;
  for (const [other, { frame }] of frames) frame.hidden = other !== name;
  const room = (page) => page.split("/")[0]; // a lesson is among the lessons
  for (const link of document.querySelectorAll("nav.site > a:not(.home)")) {
    const here = room(named(link.getAttribute("href"), FIRST)) === room(name);
    link.ariaCurrent = here ? "page" : null;
  }
}

/** The name of the page at an address that stands in another page. */
const named = (address, page) =>
  new URL(address, `https://inside/${page}`).pathname.replace(/^\/(en\/)?/, "");

/** A frame for the page, and when it is there; what is a link in it leads here too. */
function opened(text) {
  const frame = document.createElement("iframe");
  frame.className = "whole";
  const loaded = new Promise((done) => {
    frame.addEventListener("load", () => {
      frame.title = frame.contentDocument.title;
      frame.contentDocument.addEventListener("click", follow);
      done();
    });
  });
  frame.srcdoc = text;
  element("pages").append(frame);
  return { frame, loaded };
}

/** Goes to an address that stands in this page or another. */
async function open(address, from) {
  const { hash, search, searchParams } = new URL(address, `https://inside/${from}`);
  const name = named(address, from);
  const page = has.inside[`pages/${name}`];
  if (page) {
    if (!frames.has(name)) frames.set(name, opened(new TextDecoder().decode(page)));
    show(name);
    const { frame, loaded } = frames.get(name);
    await loaded;
    goTo(frame.contentDocument, hash);
  } else if (name === FIRST) {
    show(name);
    goTo(document, hash);
    if (searchParams.has("f")) live.go(searchParams.get("f"), read(searchParams.get("at") ?? ""));
    if (searchParams.has("steps")) element("step").click();
  } else {
    const { text } = await ofTraining(globalThis.python, search); // of a point
    showPage(text);
  }
}

const goTo = (page, hash) =>
  page.getElementById(decodeURIComponent(hash.slice(1)))?.scrollIntoView();

function follow(event) {
  const link = event.target.closest("a[href]");
  const address = link?.getAttribute("href") ?? "";
  if (/^\w+:/.test(address)) link.target = "_blank";
  else if (address !== "") {
    event.preventDefault();
    if (address.startsWith("#")) goTo(link.ownerDocument, address);
    else open(address, link.ownerDocument === document ? FIRST : current);
  }
}
document.addEventListener("click", follow);
