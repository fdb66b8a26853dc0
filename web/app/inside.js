// The site as one file: what its scripts load stands in the page, compressed, as text.

const KINDS = { js: "text/javascript", wasm: "application/wasm" };

/** What the page itself holds, as blobs by their name in the site. */
export async function unpacked() {
  const found = {};
  for (const script of document.querySelectorAll("script[data-file]")) {
    const name = script.dataset.file;
    const bytes = Uint8Array.from(atob(script.textContent), (letter) => letter.charCodeAt(0));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const whole = await new Response(plain).arrayBuffer();
    const type = KINDS[name.split(".").at(-1)] ?? "";
    found[name] = new Blob([whole], { type });
    script.remove();
  }
  return found;
}

/** A `fetch` that finds these before it asks anybody. */
export function holding(inside, site, fetch) {
  const at = ([name, blob]) => [new URL(name, site).href, blob];
  const held = new Map(Object.entries(inside).map(at));
  return async (address, ...more) => {
    const blob = held.get(String(address));
    return blob ? new Response(blob) : fetch(address, ...more);
  };
}
