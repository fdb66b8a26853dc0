// The site as one file: what the worker loads stands in the page, compressed, as text.

const KINDS = { js: "text/javascript", mjs: "text/javascript", wasm: "application/wasm" };

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
