// The site as one file: what its scripts load stands in the page, compressed, as text.

const KINDS = { wasm: "application/wasm" };

/** What the page itself holds, as bytes by their name in the site. */
export async function unpacked() {
  const found = {};
  for (const script of document.querySelectorAll("script[data-file]")) {
    const bytes = Uint8Array.from(atob(script.textContent), (letter) => letter.charCodeAt(0));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    found[script.dataset.file] = await new Response(plain).arrayBuffer();
    script.remove();
  }
  return found;
}

/** A `fetch` that finds these before it asks anybody. */
export function holding(inside, site, fetch) {
  const held = new Map(
    Object.entries(inside).map(([name, bytes]) => [new URL(name, site).href, bytes]),
  );
  return async (address, ...more) => {
    const bytes = held.get(String(address));
    if (!bytes) return fetch(address, ...more);
    const type = KINDS[String(address).split(".").at(-1)] ?? "";
    return new Response(bytes, { headers: { "Content-Type": type } });
  };
}
