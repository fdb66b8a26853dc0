// The training page, whose requests Python in this page answers.

import { within } from "./late.js";
import { element, engine } from "./page.js";

const { other, there } = element("site").dataset; // the page in the other language

if (new URLSearchParams(location.search).get("lang") === other) {
  location.replace(new URL(there + location.search, location.href));
} else {
  const python = engine();
  globalThis.fetch = async (address) => {
    const [path, query] = address.split("?");
    const { status, text } = await python.ask(`play/${path}`, query);
    return new Response(text, { status });
  };
  const page = import(new URL("static/play.js", location.href));
  await within(60, page).catch(() => {
    element("missing").hidden = false;
  });
  globalThis.arrive?.();
}
