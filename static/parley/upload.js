// Uploads in pieces: each goes on where the server says it stands, so a broken connection or a restart costs one piece.
"use strict";
(() => {
  const zone = document.getElementById("upload");
  const form = zone.closest("form");
  const list = document.getElementById("uploads");
  const drop = document.getElementById("drop");
  const pick = document.getElementById("pick");
  pick.hasChangeListener = true;  // the theme's own would write the file's name into the form's first text field
  const news = document.getElementById("upload-news");
  const text = document.getElementById("id_text");
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const most = Number(zone.dataset.most);
  const PASTED = 200000;  // characters; what is longer comes in as a file
  const PATIENCE = [1, 2, 4, 8, 15, 15, 30, 30];  // seconds between tries
  const words = {};
  for (const key of document.querySelectorAll("#upload-words dt")) words[key.textContent] = key.nextElementSibling.textContent;
  const say = (key, values) => words[key].replace(/\{(\w+)\}/g, (_all, name) => values[name]);
  const queue = [];
  let working = false;
  let submitting = false;
  drop.hidden = false;

  function size(bytes) {
    const power = Math.min(3, Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1024)));
    return `${(bytes / 1024 ** power).toFixed(power > 1 ? 1 : 0)} ${["B", "KB", "MB", "GB"][power]}`;
  }
  function time(seconds) {
    if (seconds < 90) return say("seconds", { n: Math.max(1, Math.round(seconds)) });
    return seconds < 5400 ? say("minutes", { n: Math.round(seconds / 60) }) : say("hours", { n: (seconds / 3600).toFixed(1) });
  }

  function tell(sentence, seenAnyway = false) {
    news.textContent = sentence;
    news.classList.toggle("p-unseen", seenAnyway);
  }

  class Refused extends Error {}

  async function ask(address, options) {
    const answer = await fetch(address, { ...options, redirect: "manual", headers: { "X-CSRFToken": token, ...options.headers } });
    if (answer.type === "opaqueredirect" || answer.status === 403) throw new Refused(words["signed-out"]);
    if (answer.status === 409) return answer.json();
    if (answer.status >= 500) throw new Error(String(answer.status));
    if (answer.status === 404) throw new Refused(words.failed);
    const said = answer.status === 204 ? {} : await answer.json();
    if (!answer.ok) throw new Refused(said.error);
    return said;
  }

  class Row {
    constructor(file, known) {
      this.file = file;
      this.received = known ? Number(known.dataset.received) : 0;
      this.id = known ? known.dataset.id : null;
      this.element = document.getElementById("upload-row").content.firstElementChild.cloneNode(true);
      this.element.querySelector(".name").textContent = file.name;
      this.element.querySelector(".cancel").addEventListener("click", () => this.cancel());
      this.element.querySelector(".again").addEventListener("click", () => { this.show("waiting", {}); enqueue(this); });
      this.bar = this.element.querySelector("progress");
      if (known) known.replaceWith(this.element); else list.append(this.element);
      this.show("waiting", {});
    }

    show(key, values, failed = false) {
      this.say(say(key, { here: size(this.received), all: size(this.file.size), most: size(most), ...values }), failed);
    }

    say(sentence, failed) {
      this.element.classList.toggle("failed", failed);
      this.element.querySelector(".state").textContent = sentence;
      this.element.querySelector(".again").hidden = !failed;
      this.bar.value = this.received / Math.max(1, this.file.size);
    }

    cancel() {
      this.gone = true;
      this.stop?.abort();
      this.element.remove();
      if (this.id) ask(this.address, { method: "DELETE" }).catch(() => {});  // else it is swept
      pick.focus();
      finish();
    }

    get address() { return `${zone.dataset.begin}${this.id}/`; }

    async begin() {
      const begun = await ask(zone.dataset.begin, {
        method: "POST", headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ name: this.file.name, bytes: this.file.size }),
      });
      [this.id, this.received] = [begun.id, begun.received];
    }

    async send() {
      if (!this.id) await this.begin();
      const began = performance.now();
      const first = this.received;
      while (this.received < this.file.size && !this.gone) {
        this.stop = new AbortController();
        const piece = this.file.slice(this.received, this.received + Number(zone.dataset.piece));
        const said = await ask(`${this.address}?offset=${this.received}`, {
          method: "PUT", body: piece, signal: this.stop.signal, headers: { "Content-Type": "application/octet-stream" },
        });
        this.received = said.received;
        const speed = (this.received - first) / Math.max(0.001, (performance.now() - began) / 1000);
        this.show("progress", { speed: size(speed), left: time((this.file.size - this.received) / Math.max(1, speed)) });
      }
    }

    async run() {
      for (let tries = 0; !this.gone; tries += 1) {
        const before = this.received;
        try {
          await this.send();
          return this.gone || this.arrive();
        } catch (fault) {
          if (this.gone) return undefined;
          if (fault instanceof Refused) return this.say(fault.message, true);
          if (this.received > before) tries = 0;
          if (tries >= PATIENCE.length) return this.show("failed", {}, true);
          this.show("broken", { left: time(PATIENCE[tries]) });
          await new Promise((resume) => setTimeout(resume, PATIENCE[tries] * 1000));
        }
      }
      return undefined;
    }

    arrive() {
      const field = Object.assign(document.createElement("input"), { type: "hidden", name: "uploads", value: this.id });
      this.element.append(field);
      this.element.classList.add("arrived");
      this.show("done", {});
      tell(say("arrived", { name: this.file.name }), true);
    }
  }

  function take(files) {
    for (const file of files) {
      const known = [...list.children].find((row) => row.dataset.id && row.dataset.name === file.name
        && Number(row.dataset.bytes) === file.size && row.dataset.received !== row.dataset.bytes);
      const row = new Row(file, known);
      if (file.size > most) row.show("large", {}, true);
      else if (!file.size) row.show("empty", {}, true);
      else enqueue(row);
    }
  }

  async function enqueue(row) {  // one file at a time: they share the line anyway
    queue.push(row);
    if (working) return;
    working = true;
    while (queue.length) await queue.shift().run();
    working = false;
    finish();
  }

  function finish() {
    if (submitting && !working && !list.querySelector(".failed")) form.submit();
    else if (!working) submitting = false;
  }

  pick.addEventListener("change", () => { take(pick.files); pick.value = ""; });
  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());  // a miss opens no file
  drop.addEventListener("drop", (event) => take(event.dataTransfer.files));
  for (const row of list.children) {  // of an earlier visit
    row.querySelector(".cancel").addEventListener("click", () => {
      ask(`${zone.dataset.begin}${row.dataset.id}/`, { method: "DELETE" }).then(() => row.remove(), () => {});
      pick.focus();
    });
  }
  text?.addEventListener("input", () => {
    if (text.value.length <= PASTED) return;
    const start = text.value.trimStart()[0];
    const table = /^[^\n]*,/.test(text.value) && !/\t/.test(text.value.slice(0, 1000));
    const ending = start === "{" || start === "[" ? "json" : table ? "csv" : "txt";
    take([new File([text.value], `pasted.${ending}`)]);
    text.value = "";
    tell(words.pasted);
  });
  form.addEventListener("submit", (event) => {
    if (!working) return;
    event.preventDefault();
    submitting = true;
    tell(words.submit);
  });
  window.addEventListener("beforeunload", (event) => { if (working) event.preventDefault(); });
})();
