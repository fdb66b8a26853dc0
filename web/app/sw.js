// Keeps the site, so that it opens without a network. The build puts VERSION and FILES above.

const KEPT = `micrograd_es ${VERSION}`;
const home = new URL(self.registration.scope);
const known = new Set(FILES.map((name) => new URL(name, home).pathname));

self.addEventListener("install", (event) => {
  const keep = async () => {
    const cache = await caches.open(KEPT);
    // what the browser itself has kept may be of another version
    await cache.addAll(
      FILES.map((name) => new Request(new URL(name, home), { cache: "no-cache" })),
    );
    await self.skipWaiting();
  };
  event.waitUntil(keep());
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
  const { origin, pathname } = new URL(event.request.url);
  if (origin !== home.origin || event.request.method !== "GET") return;
  const name = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
  if (known.has(name)) event.respondWith(kept(name, event.request));
});

async function kept(name, request) {
  const file = await caches.match(new URL(name, home), { cacheName: KEPT }).catch(() => null);
  return file ?? fetch(request);
}
