// A share link's page: what it fetches lies under the link, and in a frame, where browsers keep no cookies, a ticket
// says who is asking. Where the frame may keep something, a reload comes back to the same conversation.
(() => {
  "use strict";
  const app = document.getElementById("app"), { prefix, link, language } = app.dataset;
  let { ticket, conversation } = app.dataset;
  const framed = "embedded" in app.dataset, HOURS = 11;

  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.path = prefix + event.detail.path;
    if (framed) event.detail.headers["X-Parley-Ticket"] = ticket;
  });
  if (!framed) return;

  const name = `parley-${link}`;
  const keep = (value) => { try { localStorage.setItem(name, JSON.stringify(value)); } catch { /* the browser forbids it */ } };
  const forget = () => { try { localStorage.removeItem(name); } catch { /* nothing is kept then */ } };
  const kept = () => {
    try { return JSON.parse(localStorage.getItem(name)); } catch { return null; }
  };

  const before = kept(), fresh = new URLSearchParams(location.search).has("new");
  let since = Date.now();
  if (before && Date.now() - before.since < HOURS * 3600000) {
    ({ ticket, since } = before);
    if (!fresh) conversation = before.conversation;
    app.setAttribute("ws-connect", `/ws${prefix}/${conversation}/?${new URLSearchParams({ language, ticket })}`);
  }
  if (fresh) history.replaceState(null, "", location.href.replace(/([?&])new&?/, "$1"));

  let opened = false, failures = 0;
  app.addEventListener("htmx:wsOpen", () => { opened = true; });
  app.addEventListener("htmx:wsClose", () => { if (!opened && ++failures > 2) forget(); });
  app.addEventListener("htmx:wsAfterMessage", () => {
    if (document.querySelector(".composer.closed")) forget();
    else if (document.querySelector("#thread > .message")) keep({ ticket, conversation, since });
  });
})();
