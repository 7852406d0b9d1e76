// The page's behaviour that HTML cannot say: the socket's life, the keyboard, scrolling, copying, reading aloud.
(() => {
  "use strict";
  const app = document.getElementById("app");
  const reading = document.getElementById("reading");
  const $ = (selector, root = document) => root.querySelector(selector);
  const prompt = () => document.getElementById("prompt");

  // The socket. htmx comes back by itself after a broken connection; the page says what it shows and gets what it lacks.
  const COMES_BACK = [1006, 1011, 1012, 1013], REFUSED = [1009, 4008, 4009];
  let socket = null, failures = 0, sent = "";
  htmx.config.wsReconnectDelay = (tries) => Math.min(400 * 2 ** tries, 8000) * (0.6 + Math.random() * 0.4);
  const say = (message) => socket && socket.sendImmediately(JSON.stringify(message));

  app.addEventListener("htmx:wsOpen", (event) => {
    socket = event.detail.socketWrapper;
    failures = 0;
    app.dataset.online = "yes";
    const last = [...document.querySelectorAll("#thread > .message")].pop();
    say({ action: "attach", last: last ? Number(last.id.slice(1)) : 0, state: last ? last.dataset.state : "" });
  });
  app.addEventListener("htmx:wsClose", (event) => {
    const { code } = event.detail.event;
    failures += 1;
    app.dataset.online = REFUSED.includes(code) || failures > 8 ? "refused" : "lost";
    if (!COMES_BACK.includes(code) && !REFUSED.includes(code)) setTimeout(() => event.detail.socketWrapper.reconnect(), 1000);
  });
  addEventListener("online", () => app.dataset.online === "lost" && socket && socket.reconnect());

  let focused = "";
  app.addEventListener("htmx:wsBeforeMessage", (event) => {
    following = atEnd() && !/-thumbs"[^>]*hx-swap-oob/.test(event.detail.message);  // a rating moves nothing
    focused = document.activeElement.id;
  });
  app.addEventListener("htmx:wsAfterMessage", () => {
    say({ action: "ack", sequence: Number(document.getElementById("sequence").dataset.sequence || 0) });
    takePageState();
    takeNotice();
    takeThanks();
    foldLong();
    tellTimes();
    if (following) follow();
    showEndButton();
    readAloud();
  });

  function takePageState() {
    const state = document.getElementById("page-state");
    if (!state.dataset.url) return;
    if (!("embedded" in app.dataset) && location.pathname !== state.dataset.url) {
      history.replaceState(null, "", state.dataset.url);
      document.title = `${state.dataset.title} · Parley`;
      const next = $(".settings [name=next]");
      if (next) next.value = state.dataset.url;
      const account = $(".settings a[href*='next=']");
      if (account) account.href = account.href.replace(/next=.*/, `next=${state.dataset.url}`);
    }
    state.removeAttribute("data-url");
    sent = "";
    if (state.dataset.direction) choose(state.dataset.direction);
    following = true;
    announce(app.dataset.sent);
  }

  function takeNotice() {
    const notice = $("#notice [data-restore]");
    if (!notice) return;
    notice.removeAttribute("data-restore");
    if (sent && !prompt().value) fill(sent);
    sent = "";
  }

  // A thumb is drawn anew when it was pressed: the focus stays on it, and what was said is read aloud
  function takeThanks() {
    if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
    const thanks = $("[data-say]");
    if (!thanks) return;
    thanks.removeAttribute("data-say");
    announce(thanks.textContent);
    thanks.parentElement.scrollIntoView({ block: "nearest" });
  }

  // Writing
  function fill(text) {
    prompt().value = text;
    grow();
  }
  function grow() {
    if (CSS.supports("field-sizing", "content")) return;
    prompt().style.height = "auto";
    prompt().style.height = `${prompt().scrollHeight}px`;
  }
  function submit() {
    if (prompt().value.trim() && $("[data-testid=send]") && app.dataset.online === "yes") $("#ask").requestSubmit();
  }
  app.addEventListener("input", (event) => {
    if (event.target.id === "prompt") grow();
    const output = event.target.type === "range" && $(`output[for=${event.target.id}]`);
    if (output) output.value = event.target.value;
  });
  app.addEventListener("htmx:wsConfigSend", (event) => {
    if (event.target.id !== "ask") return;
    if (!prompt().value.trim() || !$("[data-testid=send]") || app.dataset.online !== "yes") event.preventDefault();
    if (!prompt().value.trim()) prompt().focus();
    if (!event.target.reportValidity()) event.preventDefault();
    if (prompt().value.length > Number(app.dataset.limit)) {
      event.preventDefault();
      document.getElementById("notice").replaceChildren(document.getElementById("too-long").content.cloneNode(true));
    }
  });
  app.addEventListener("htmx:wsAfterSend", (event) => {
    if (event.target.id !== "ask") return;
    sent = prompt().value;
    fill("");
  });
  app.addEventListener("submit", (event) => { if (event.target.matches("[ws-send]")) event.preventDefault(); });

  // Keys: Enter sends, Shift+Enter breaks the line, Esc stops, "/" goes to the field, arrows walk the conversations
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, textarea, select");
    if (event.target.id === "prompt" && event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape" && !$(":popover-open")) {
      const stop = $("[data-testid=stop]");
      if (stop) stop.click();
    } else if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      prompt()?.focus();
    } else if (event.target.closest && event.target.closest(".conversations") && !typing && /^Arrow(Up|Down)$/.test(event.key)) {
      const links = [...document.querySelectorAll(".conversations [data-testid=conversation]")];
      const here = links.indexOf($("a", event.target.closest("li")));
      const next = links[here + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) next.focus();
      event.preventDefault();
    }
  });

  // Clicks
  app.addEventListener("click", (event) => {
    const on = (selector) => event.target.closest(selector);
    const example = on("[data-example]"), copy = on("[data-copy]");
    if (example) {
      if (example.dataset.direction) choose(example.dataset.direction);
      fill(example.dataset.example);
      submit();
      if (matchMedia("(pointer: fine)").matches) prompt().focus();
    } else if (copy) copyFrom(copy);
    else if (on("#swap")) swap();
    else if (on("#theme")) nextTheme();
    else if (on("#to-end")) toEnd();
    else if (on("#add-document")) document.getElementById("file").click();
    else if (on("[data-dismiss]")) document.getElementById("notice").replaceChildren();
    else if (on(".show-all")) showAll(on(".show-all"));
  });
  app.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });

  async function copyFrom(button) {
    const text = $("[data-text]", button.closest(".message")).innerText;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = Object.assign(document.createElement("textarea"), { value: text });
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    const label = $("span", button), before = label.textContent;
    label.textContent = app.dataset.copied;
    $("use", button).setAttribute("href", "#i-check");
    announce(app.dataset.copied);
    setTimeout(() => { label.textContent = before; $("use", button).setAttribute("href", "#i-copy"); }, 1600);
  }

  // Translation
  function choose(direction) {
    const select = document.getElementById("direction");
    if (select && [...select.options].some((option) => option.value === direction)) select.value = direction;
  }
  function swap() {
    const [source, target] = document.getElementById("direction").value.split("-");
    choose(`${target}-${source}`);
    prompt().focus();
  }

  // A sentence autoencoder: the composer asks for what its mode needs
  function asks() {
    const latent = document.getElementById("latent");
    if (!latent) return;
    const mode = document.getElementById("mode"), second = document.getElementById("second");
    latent.dataset.mode = mode.value;
    second.required = mode.value === "interpolate";
    prompt().readOnly = mode.value === "sample";
    const said = mode.options[0].dataset.prompt;
    if (prompt().readOnly) prompt().value = said;
    else if (prompt().value === said) fill("");
  }
  app.addEventListener("change", (event) => { if (event.target.id === "mode") asks(); });
  app.addEventListener("htmx:wsAfterSend", () => asks());
  asks();

  // Theme: the system's, light, dark; kept in a cookie so that the server sends the right one
  function nextTheme() {
    const themes = ["system", "light", "dark"];
    const now = document.documentElement.dataset.theme || "system";
    const next = themes[(themes.indexOf(now) + 1) % 3];
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    document.cookie = `parley_theme=${next}; path=/; max-age=31536000; samesite=lax`;
    const button = document.getElementById("theme");
    $("span", button).textContent = button.dataset[next];
    announce(button.dataset[next]);
  }

  // Scrolling follows only while the reader is at the end
  let following = true;
  const atEnd = () => reading.scrollHeight - reading.scrollTop - reading.clientHeight < 48;
  // A finished answer longer than the window is read from its question on; one that still grows, at its end
  function follow() {
    const messages = document.querySelectorAll("#thread > .message");
    const answer = messages[messages.length - 1], question = messages[messages.length - 2];
    const done = question && answer.dataset.state !== "streaming" && app.dataset.task !== "generation";
    if (done && answer.offsetTop + answer.offsetHeight - question.offsetTop > reading.clientHeight) {
      reading.scrollTop = question.offsetTop - 16;
    } else toEnd();
  }
  function toEnd() { reading.scrollTop = reading.scrollHeight; }
  function showEndButton() { document.getElementById("to-end").hidden = atEnd(); }
  reading.addEventListener("scroll", showEndButton, { passive: true });

  // Long messages are folded
  function foldLong() {
    for (const said of document.querySelectorAll(".said:not([data-looked])")) {
      said.dataset.looked = "";
      const text = said.textContent, wide = (text.match(/[\u3400-\u9fff]/g) || []).length;
      if (text.length + wide < 600 && text.split("\n").length < 9) continue;
      said.classList.add("long");
      const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet show-all" });
      button.textContent = app.dataset.more;
      said.after(button);
    }
  }
  function showAll(button) {
    const open = button.previousElementSibling.classList.toggle("open");
    button.textContent = open ? app.dataset.less : app.dataset.more;
  }

  // Times are relative, with the exact one on hover
  const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto", style: "short" });
  function tellTimes() {
    for (const time of document.querySelectorAll("time")) {
      const then = new Date(time.dateTime), minutes = Math.round((then - Date.now()) / 60000);
      time.title = then.toLocaleString(document.documentElement.lang);
      time.textContent = minutes > -1 ? "" : minutes > -60 ? relative.format(minutes, "minute")
        : minutes > -1440 ? relative.format(Math.round(minutes / 60), "hour") : relative.format(Math.round(minutes / 1440), "day");
    }
  }
  setInterval(tellTimes, 60000);

  // A screen reader hears sentences, not tokens
  const announcer = document.getElementById("announcer");
  let heard = 0, hearing = "";
  function announce(text) { announcer.textContent = text || ""; }
  function readAloud() {
    const last = [...document.querySelectorAll("#thread > .message.assistant")].pop();
    if (!last) return;
    if (hearing !== last.id) {
      if (last.dataset.state !== "streaming") return;
      hearing = last.id;
      heard = 0;
    }
    const text = ($("[data-text]", last) || last).textContent;
    const ended = last.dataset.state !== "streaming";
    if (text.length < heard) heard = 0;
    const end = ended ? text.length : Math.max(...["。", "！", "？", ". ", "! ", "? ", "\n"].map((mark) => text.lastIndexOf(mark))) + 1;
    if (end > heard) {
      announce(text.slice(heard, end));
      heard = end;
    }
    if (ended) hearing = "";
  }

  // Documents can be dropped anywhere
  const input = () => document.getElementById("file");
  const carries = (event) => input() && [...(event.dataTransfer || {}).types || []].includes("Files");
  addEventListener("dragover", (event) => { if (carries(event)) { event.preventDefault(); app.classList.add("dropping"); } });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) app.classList.remove("dropping"); });
  addEventListener("drop", (event) => {
    app.classList.remove("dropping");
    if (!carries(event)) return;
    event.preventDefault();
    input().files = event.dataTransfer.files;
    input().dispatchEvent(new Event("change", { bubbles: true }));
  });

  foldLong();
  tellTimes();
  if ($("#thread > .message")) follow();
  showEndButton();
})();
