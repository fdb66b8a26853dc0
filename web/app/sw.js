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
});

async function kept(pathname, request) {
  const cache = await caches.open(KEPT);
  return (await cache.match(new URL(pathname, home))) ?? fetch(request);
}
