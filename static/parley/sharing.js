// The pages of share links in the admin: copying, and the date that belongs to one choice only.
(() => {
  "use strict";
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const field = document.getElementById(button.dataset.copy), before = button.textContent;
    field.select();
    try { await navigator.clipboard.writeText(field.value); } catch { document.execCommand("copy"); }
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = before; }, 1600);
  });
  const valid = document.getElementById("id_valid"), date = document.getElementById("id_date");
  if (!valid) return;
  const show = () => { date.closest(".p-field").hidden = valid.value !== "date"; };
  valid.addEventListener("change", show);
  show();
})();
