// A run's page, kept up to date over its websocket; and the upload of an artifact, in pieces.
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

  async function answer(response) {
    const told = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(told.error || `${response.status}`);
    return told;
  }

  async function send(form, file, tell) {
    const headers = { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
    const begun = await answer(await fetch(form.dataset.upload, {
      method: "POST", headers, body: JSON.stringify({ name: file.name, bytes: file.size }),
    }));
    let received = 0, failures = 0;
    while (received < file.size) {
      try {
        const response = await fetch(`${form.dataset.upload}${begun.id}/?offset=${received}`, {
          method: "PUT", headers, body: file.slice(received, received + begun.piece),
        });
        if (response.status === 409) { received = (await response.json()).received; continue; }
        received = (await answer(response)).received;
        failures = 0;
        tell(received / file.size);
      } catch (fault) {
        if (!(fault instanceof TypeError) || ++failures > 8) throw fault;  // TypeError: the network; it may come back
        await new Promise((again) => setTimeout(again, 500 * 2 ** failures));
      }
    }
    return begun.id;
  }

  function uploads(form) {
    const [button, fault, progress] = ["button", "[data-fault]", "[data-progress]"].map((one) => form.querySelector(one));
    const input = form.querySelector("[type=file]");
    input.hasChangeListener = true;  // the theme's own would look for a text field beside it
    input.addEventListener("change", async (event) => {
      const file = event.target.files[0];
      button.disabled = true;
      fault.hidden = true;
      if (!file) return;
      progress.hidden = false;
      const tell = (share) => {
        progress.querySelector("progress").value = share;
        progress.querySelector("span").textContent = `${Math.floor(100 * share)} %`;
      };
      tell(0);
      try {
        form.elements.upload.value = await send(form, file, tell);
        button.disabled = false;
        button.focus();
      } catch (problem) {
        fault.textContent = problem.message;
        fault.hidden = false;
        progress.hidden = true;
      }
    });
  }

  const page = document.querySelector("[data-socket]");
  if (page) watch(page);
  tellTimes();
  document.querySelectorAll("[data-upload]").forEach(uploads);
})();
