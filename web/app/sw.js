// Keeps the site, so that it opens without a network. The build puts VERSION and FILES above.

const KEPT = `micrograd_es ${VERSION}`;
const home = new URL(self.registration.scope);
const known = new Set(FILES.map((name) => new URL(name, home).pathname));

self.addEventListener("install", (event) => {
  const keep = async () =>
    (await caches.open(KEPT)).addAll(FILES.map((name) => new URL(name, home)));
  event.waitUntil(keep().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const clean = async () => {
    const old = (await caches.keys()).filter(
      (name) => name !== KEPT && name.startsWith("micrograd_es "),
    );
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(clean());
});

self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (address.origin !== home.origin || event.request.method !== "GET") return;
  let { pathname } = address;
  if (pathname.endsWith("/")) pathname += "index.html";
  if (known.has(pathname)) event.respondWith(kept(pathname, event.request));
  else if (training.test(pathname)) event.respondWith(answered(event, address));
});

// What the training page asks for is no file: Python in that page answers. A page that it
// opens has no Python yet, and another page shows it there.
const training = new RegExp(`^${home.pathname}((?:en/)?)play/([^/]+)$`);

async function answered({ request, clientId }, { pathname, search }) {
  const [, language, path] = training.exec(pathname);
  if (request.mode === "navigate") {
    const shown = new URLSearchParams({ path, query: search.slice(1) });
    return Response.redirect(new URL(`${language}show.html?${shown}`, home));
  }
  const page = await self.clients.get(clientId);
  const { port1, port2 } = new MessageChannel();
  const answer = new Promise((done) => {
    port1.onmessage = ({ data }) => done(data);
  });
  page.postMessage({ path: `play/${path}`, query: search.slice(1) }, [port2]);
  const { status, kind, text } = await answer;
  return new Response(text, { status, headers: { "content-type": `${kind}; charset=utf-8` } });
}

async function kept(pathname, request) {
  const cache = await caches.open(KEPT);
  return (await cache.match(new URL(pathname, home))) ?? fetch(request);
}
