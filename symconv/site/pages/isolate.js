// z3's threads need a page that is isolated from others (SharedArrayBuffer). Where the server does not say so, this does: it is a
// service worker that adds the two headers to what the page loads.
if (typeof window === "undefined") {
  addEventListener("install", () => skipWaiting());
  addEventListener("activate", (event) => event.waitUntil(clients.claim()));
  addEventListener("fetch", (event) => {
    if (new URL(event.request.url).origin !== location.origin) return;
    event.respondWith(fetch(event.request).then((answer) => {
      const headers = new Headers(answer.headers);
      headers.set("Cross-Origin-Opener-Policy", "same-origin");
      headers.set("Cross-Origin-Embedder-Policy", "require-corp");
      return new Response(answer.body, { status: answer.status, statusText: answer.statusText, headers });
    }));
  });
} else if (!window.crossOriginIsolated && navigator.serviceWorker && !sessionStorage.getItem("isolated")) {
  sessionStorage.setItem("isolated", "tried");
  navigator.serviceWorker.register("isolate.js").then(() => navigator.serviceWorker.ready).then(() => location.reload());
}
