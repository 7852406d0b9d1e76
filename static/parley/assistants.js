// The publish form: another row for an example.
(() => {
  "use strict";
  // The theme's own listener would look for a text field beside it.
  for (const input of document.querySelectorAll("input[type=file]")) input.hasChangeListener = true;
  const button = document.getElementById("add-example"), template = document.getElementById("example-template");
  const total = document.querySelector("[name=examples-TOTAL_FORMS]");
  if (!button || !template || !total) return;
  const show = () => { button.hidden = Number(total.value) >= Number(button.dataset.most); };
  button.addEventListener("click", () => {
    const holder = document.createElement("div");
    holder.innerHTML = template.innerHTML.replaceAll("__prefix__", total.value);
    const row = holder.firstElementChild;
    template.before(row);
    total.value = Number(total.value) + 1;
    row.querySelector("textarea").focus();
    show();
  });
  show();
})();
