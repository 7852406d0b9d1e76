// What somebody has unfolded stays open when the part of the page around it is replaced.
(() => {
  "use strict";
  const open = new Set();

  function name(fold) {  // what stands beside it and on it, and which it is of those that are alike
    const part = fold.closest("tr, section, .p-notice") || document.body;
    const text = (node) => (node ? node.textContent.trim() : "");
    const alike = [...part.querySelectorAll("details")].filter((one) => text(one.querySelector("summary")) === text(fold.querySelector("summary")));
    return [text(part.querySelector("h2, th")), text(fold.querySelector("summary")), alike.indexOf(fold)].join("\n");
  }

  document.addEventListener("toggle", (event) => {
    if (event.target.tagName !== "DETAILS" || !event.target.isConnected) return;
    if (event.target.open) open.add(name(event.target)); else open.delete(name(event.target));
  }, true);
  document.addEventListener("htmx:load", (event) => {
    event.target.querySelectorAll("details").forEach((fold) => { if (open.has(name(fold))) fold.open = true; });
  });
})();
