"use strict";

const element = (id) => document.getElementById(id);

/** A probability; no-break spaces keep number and unit together. */
function percent(value) {
  if (value > 0.9999) return ">\u00a099.99\u00a0%";
  if (value < 0.0001) return "<\u00a00.01\u00a0%";
  return `${(100 * value).toFixed(2)}\u00a0%`;
}

let shown = null; // the object URL of the image on the page
let lastRead = null; // the arguments of the last `read`
let latest = 0; // number of the last request; answers to earlier ones come too late

function show(url, words) {
  if (shown) URL.revokeObjectURL(shown);
  shown = url;
  element("image").src = url;
  element("image").alt = words;
  element("image").hidden = false;
  element("hint").hidden = true;
  element("result").hidden = true;
  element("error").hidden = true;
}

function fail(message) {
  element("result").hidden = true;
  element("error").textContent = message;
  element("error").hidden = false;
}

async function ask(path, options) {
  const response = await fetch(path, { method: "POST", ...options });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error || `The server answered ${response.status}.`);
  return answer;
}

/** Shows the text, with characters that differ from the truth marked. */
function spell(text, truth) {
  const letters = Array.from(text).map((character, place) => {
    const part = document.createElement("span");
    part.textContent = character;
    if (truth !== null && truth[place] !== character) part.className = "wrong";
    return part;
  });
  element("text").replaceChildren(...letters);
  element("text").classList.toggle("empty", text === "");
  if (text === "") element("text").textContent = "no character";
}

function column(candidates, place) {
  const heading = document.createElement("h2");
  heading.textContent = `Position ${place + 1}`;
  const list = document.createElement("ul");
  for (const { character, probability } of candidates) {
    const row = document.createElement("li");
    const bar = document.createElement("span");
    bar.className = "bar";
    bar.style.width = `${100 * probability}%`;
    const name = document.createElement("span");
    name.textContent = character || "none";
    const value = document.createElement("span");
    value.textContent = percent(probability);
    row.append(bar, name, value);
    list.append(row);
  }
  const result = document.createElement("li");
  result.append(heading, list);
  return result;
}

async function read(blob, truth) {
  lastRead = [blob, truth];
  const number = ++latest;
  const form = new FormData();
  form.append("file", blob, "captcha");
  for (const name of ["alphabet", "length"]) {
    const value = element(name).value.trim();
    if (value) form.append(name, value);
  }
  try {
    const answer = await ask("recognize", { body: form });
    if (number !== latest) return;
    spell(answer.text, truth);
    const verdict = truth === null ? "" : answer.text === truth ? "Right. " : `Wrong: it says ${truth}. `;
    element("summary").textContent =
      `${verdict}Confidence ${percent(answer.confidence)}, read in ${answer.milliseconds.toFixed(1)}\u00a0ms.`;
    element("positions").replaceChildren(...answer.characters.map(column));
    element("result").hidden = false;
    element("error").hidden = true;
  } catch (error) {
    if (number === latest) fail(error.message);
  }
}

async function draw() {
  element("draw").disabled = true;
  try {
    const drawn = await ask("draw", {});
    const bytes = Uint8Array.from(atob(drawn.image), (character) => character.charCodeAt(0));
    const blob = new Blob([bytes], { type: drawn.type });
    show(URL.createObjectURL(blob), "A CAPTCHA that the server drew");
    await read(blob, drawn.text);
  } catch (error) {
    fail(error.message);
  } finally {
    element("draw").disabled = false;
  }
}

function take(files) {
  const file = files && files[0];
  if (!file) return;
  show(URL.createObjectURL(file), file.name);
  read(file, null);
}

element("draw").addEventListener("click", draw);
for (const name of ["alphabet", "length"]) element(name).addEventListener("change", () => lastRead && read(...lastRead));
element("file").addEventListener("change", (event) => {
  take(event.target.files);
  event.target.value = ""; // the same file may be chosen again
});
document.addEventListener("paste", (event) => take(event.clipboardData.files));
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    element("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
  });
}
document.addEventListener("drop", (event) => take(event.dataTransfer.files));
