"use strict";

const element = (id) => document.getElementById(id);
const field = element("text");
const UNREACHABLE = "The server does not answer. Start it again: every accepted label is kept.";

let current = null; // what the server said of the image on the page
let visited = []; // the images that were on the page before it
let touched = false; // whether its text was typed, so that no suggestion may replace it
let busy = false; // whether the page waits for the server; keys would mean an image that is not there yet

const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
const percent = (fraction) => `${Math.floor(100 * fraction)}\u00a0%`;

/** Sets a text, but not to what it is already: a screen reader would say it again. */
function say(id, words) {
  if (element(id).textContent !== words) element(id).textContent = words;
}

function fail(message) {
  say("error", message);
  element("error").hidden = message === "";
}

async function ask(path, body) {
  const options = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  const response = await fetch(path, options).catch(() => {
    throw new Error(UNREACHABLE);
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error || `The server answered ${response.status}.`);
  return answer;
}

/** As large as its frame allows, from three times its size on in whole multiples, which leave its pixels alike. */
function scale() {
  const image = element("image");
  const frame = element("frame");
  const factor = Math.min(frame.clientWidth / image.naturalWidth, frame.clientHeight / image.naturalHeight);
  image.style.width = `${(factor < 3 ? factor : Math.floor(factor)) * image.naturalWidth}px`;
}

function suggest(suggestion) {
  if (suggestion && current.text === null && !touched && field.value === "") {
    field.value = suggestion.text;
    field.select();
  }
  if (suggestion) current.suggestion = suggestion;
  const known = current.suggestion;
  const reading = current.progress.problem ? "The network reads nothing; type the text." : "The network is reading\u00a0…";
  const sure = known && `The network is ${percent(known.confidence)} sure${known.text ? "" : " that there is no text"}.`;
  say("hint", current.text === null ? sure || reading : "This image has a label. Enter keeps what is in the field.");
}

function report(progress) {
  current.progress = progress;
  const { labels, images, session, networks, training, skipped, broken, problem, file } = progress;
  const count = `${labels.toLocaleString("en")} of ${images.toLocaleString("en")}`;
  say("count", `${count} labelled, ${session.toLocaleString("en")} in this session`);
  document.title = `${count} – Labelling`;
  element("progress").max = images;
  element("progress").value = labels;

  const when = training.in ? `after ${plural(training.in, "more label")}` : "with the next label";
  const next = training.in === null ? "" : `The next training begins ${when}.`;
  const running = training.running_on !== null;
  say(
    "training",
    running
      ? `A training on ${plural(training.running_on, "label")} is running; go on labelling.`
      : `${training.failed} ${next}`.trim(),
  );
  element("training").classList.toggle("failed", !running && training.failed !== "");

  const rows = networks.map(({ name, right, given }) => {
    const row = document.createElement("tr");
    const cells = [name, `${right} of ${given}`, given ? percent(right / given) : ""];
    row.append(
      ...cells.map((content, column) => {
        const cell = document.createElement(column ? "td" : "th");
        if (!column) cell.scope = "row";
        cell.textContent = content;
        return cell;
      }),
    );
    return row;
  });
  element("networks").tBodies[0].replaceChildren(...rows);

  const notes = broken.map((sentence) => `Left out: ${sentence}`);
  if (problem) notes.unshift(`No suggestions: ${problem}`);
  if (skipped) notes.push(`${plural(skipped, "skipped image")} will come again at the next start.`);
  say("notes", notes.join("\n"));

  const rest = images - labels;
  say("end", rest ? "That was the last image." : "Every image has a label.");
  say("rest", rest ? `${plural(rest, "image")} of ${images.toLocaleString("en")} without a label.` : "");
  say("command", `python train.py --data ${file}`);
}

async function show(answer) {
  const image = element("image");
  if (answer.image !== null) {
    image.src = `images/${encodeURIComponent(answer.image)}`;
    // The text changes when the image is there: never one beside the other's.
    await image.decode().catch(() => {});
    image.alt = `The image ${answer.image}`;
  }
  current = answer;
  touched = false;
  element("work").hidden = answer.image === null;
  element("done").hidden = answer.image !== null;
  say("name", answer.image ?? "");
  fail("");
  report(answer.progress);
  field.value = answer.text ?? "";
  if (answer.image !== null) {
    scale();
    suggest(answer.suggestion);
    field.focus();
    field.select();
  }
}

/** Does one thing at a time: what a key asks for, and then shows what the server answers. */
async function act(work) {
  if (busy) return;
  busy = true;
  try {
    await work();
  } catch (error) {
    fail(error.message);
    field.focus();
  } finally {
    busy = false;
  }
}

async function proceed(path, body) {
  const answer = await ask(path, body);
  visited.push(current.image);
  await show(answer);
}

const actions = {
  async accept() {
    const text = field.value.trim();
    if (!text) throw new Error("Type the text of the image, or skip it with Tab.");
    await proceed("label", { image: current.image, text });
  },
  async skip() {
    await proceed("skip", { image: current.image });
  },
  async back() {
    const name = visited.pop() ?? current?.previous;
    if (name) await show(await ask(`view?image=${encodeURIComponent(name)}`));
  },
};

const keys = { Enter: actions.accept, Tab: actions.skip, Escape: actions.back };

document.addEventListener("keydown", (event) => {
  const action = current?.image || event.key === "Escape" ? keys[event.key] : null;
  // Shift+Tab leaves the page; Enter may end what an input method composes.
  if (!action || event.isComposing || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  // A key that is held down would accept image after image unseen.
  if (!event.repeat) act(action);
});
for (const [id, action] of Object.entries(actions)) {
  element(id).addEventListener("click", () => (current?.image || action === actions.back) && act(action));
}
field.addEventListener("input", () => {
  touched = true;
  fail("");
});
window.addEventListener("resize", scale);

const begin = () => act(async () => show(await ask("next")));

async function poll() {
  if (!current) return begin();
  const name = current.image;
  try {
    const answer = await ask(name ? `status?image=${encodeURIComponent(name)}` : "status");
    if (!busy && answer.image === current.image) {
      report(answer.progress);
      if (name) suggest(current.suggestion ?? answer.suggestion);
      if (element("error").textContent === UNREACHABLE) fail("");
    }
  } catch (error) {
    if (!busy) fail(error.message);
  }
}

begin();
setInterval(() => {
  if (!document.hidden) poll();
}, 1000);
