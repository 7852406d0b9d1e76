// A run's page, kept up to date over its websocket.
(() => {
  "use strict";
  const REFUSED = [1009, 4008, 4009];

  function watch(page, failures = 0) {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${page.dataset.socket}`);
    socket.addEventListener("open", () => { failures = 0; delete page.dataset.lost; });
    socket.addEventListener("message", (event) => {
      htmx.swap(document.body, event.data, { swapStyle: "none" });
      tellTimes();
    });
    socket.addEventListener("close", (event) => {
      if (REFUSED.includes(event.code)) return void location.reload();  // signed out, or the run is gone: the page says which
      page.dataset.lost = "…";
      setTimeout(() => watch(page, failures + 1), Math.min(500 * 2 ** failures, 10000) * (0.6 + Math.random() * 0.4));
    });
  }

  function tellTimes() {  // the server writes them in UTC
    document.querySelectorAll(".t-log time").forEach((time) => {
      const when = new Date(time.dateTime);
      time.textContent = when.toLocaleTimeString("en-GB");
      time.title = when.toLocaleString(document.documentElement.lang);
    });
  }

  const page = document.querySelector("[data-socket]");
  if (page) watch(page);
  tellTimes();
})();
