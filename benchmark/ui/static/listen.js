"use strict";
// The screen Listen: choices on the left, player and panels on the right.
import { api, finished, make, post, say } from "./base.js";
import { createPanel } from "./panels.js";
import { createPlayer } from "./player.js";

const $ = id => document.getElementById(id);
const given = new URLSearchParams(location.search);
const most = Number($("controls").dataset.most);
let source = null, perturbations = [], panels = [], running = null, analysed = false;

const player = createPlayer(share => panels.forEach(panel => panel.move(share)));

// Models

async function listModels() {
  const models = await api("/api/models"), wanted = given.getAll("model");
  const box = $("models");
  box.replaceChildren();
  if (!models.length) {
    box.append(make("p", { className: "soft" }, "No model yet. Train one with tagbench run, fetch " +
      "pretrained ones with tagbench pretrained, or import one with tagbench import-checkpoint."));
  }
  models.forEach((model, at) => {
    const check = make("input", { type: "checkbox", value: model.id });
    check.checked = wanted.length ? wanted.includes(model.id) : models.length === 1 && at === 0;
    check.addEventListener("change", () => {
      if (chosen().length > most) {
        check.checked = false;
        say(`At most ${most} models at a time.`);
        return;
      }
      if (check.checked) warm([model.id]);
      changed();
    });
    box.append(make("label", {}, check, model.title,
      make("span", { className: "soft" }, `${model.dataset}, ${model.n_tags} tags, ${model.detail}`)));
  });
  if (chosen().length) warm(chosen());
}

const chosen = () => [...document.querySelectorAll("#models input:checked")].map(one => one.value);

/** Load models while the user chooses a track. */
function warm(models) {
  post("/api/models/load", { models }).catch(error => say(error.message));
}

$("model-filter").addEventListener("input", () => {
  const words = $("model-filter").value.toLowerCase().split(/\s+/);
  for (const label of document.querySelectorAll("#models label"))
    label.hidden = !words.every(word => label.textContent.toLowerCase().includes(word));
});

// Tracks

async function listCorpora() {
  const corpora = await api("/api/corpora");
  $("corpus-part").hidden = !corpora.length;
  $("corpus").replaceChildren(...corpora.map(one =>
    make("option", { value: one.id }, `${one.name} (${one.tracks} tracks)`)));
  const wanted = corpora.find(one => [one.id, one.name].includes(given.get("corpus")));
  if (wanted) $("corpus").value = wanted.id;
  if (corpora.length) await searchTracks();
}

let search = 0;
async function searchTracks() {
  const own = ++search;
  const query = new URLSearchParams({ corpus: $("corpus").value, query: $("query").value });
  const found = await api(`/api/tracks?${query}`);
  if (own !== search) return;
  $("tracks").replaceChildren(...found.tracks.map(track => make("option", { value: track.id },
    [track.id, `${track.seconds} s`, track.split, track.tags.slice(0, 4).join(", ")].filter(Boolean).join(" · "))));
  $("n-tracks").textContent = found.n > found.tracks.length
    ? `${found.tracks.length} of ${found.n} tracks; search to see others`
    : `${found.n} ${found.n === 1 ? "track" : "tracks"}`;
}

let typing;
$("query").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => searchTracks().catch(error => say(error.message)), 200);
});
$("corpus").addEventListener("change", () => searchTracks().catch(error => say(error.message)));
$("tracks").addEventListener("change", () => {
  choose({ kind: "corpus", corpus: $("corpus").value, track: $("tracks").value }, $("tracks").value);
});

function choose(next, title) {
  source = next;
  $("chosen").textContent = title;
  changed();
}

// Files

async function upload(file) {
  if (!file) return;
  $("chosen").textContent = `Reading ${file.name}`;
  say("");
  try {
    const answer = await api(`/api/uploads?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
    $("tracks").selectedIndex = -1;
    choose({ kind: "upload", upload: answer.upload, name: answer.name },
      `${answer.name}, ${answer.seconds.toFixed(1)} s`);
  } catch (error) {
    $("chosen").textContent = source ? source.name ?? source.track : "";
    say(error.message, 30);
  }
}

$("file").addEventListener("change", () => {
  upload($("file").files[0]);
  $("file").value = "";
});
for (const name of ["dragenter", "dragover"]) document.addEventListener(name, event => {
  event.preventDefault();
  document.body.classList.add("dragging");
});
for (const name of ["dragleave", "drop"]) document.addEventListener(name, event => {
  event.preventDefault();
  document.body.classList.remove("dragging");
});
document.addEventListener("drop", event => upload(event.dataTransfer.files[0]));

// Perturbations

async function listPerturbations() {
  perturbations = await api("/api/perturbations");
  const groups = new Map();
  for (const one of perturbations) {
    if (!groups.has(one.protocol)) groups.set(one.protocol, make("optgroup", { label: one.protocol }));
    groups.get(one.protocol).append(make("option", { value: one.name }, one.title));
  }
  $("perturbation").append(...groups.values());
  const [name, severity] = (given.get("condition") ?? "").split(":");
  if (perturbations.some(one => one.name === name)) {
    $("perturbation").value = name;
    showSeverity(Number(severity) || 1);
  }
}

const perturbation = () => perturbations.find(one => one.name === $("perturbation").value);

function showSeverity(severity) {
  const one = perturbation();
  $("severity-part").hidden = !one;
  if (!one) return;
  const slider = $("severity"), count = one.levels.length;
  slider.max = count;
  slider.value = Math.min(severity ?? slider.value, count);
  $("severity-marks").replaceChildren(...one.levels.map((_, at) => make("option", { value: at + 1 })));
  const text = `${slider.value} of ${count}: ${one.levels[slider.value - 1]}`;
  $("level").textContent = text;
  slider.setAttribute("aria-valuetext", text);
}

const condition = () => (perturbation() ? `${perturbation().name}:${$("severity").value}` : "clean");

$("perturbation").addEventListener("change", () => {
  showSeverity();
  changed();
});
$("severity").addEventListener("input", () => showSeverity());
$("severity").addEventListener("change", changed);

// Analysis

/** After the first analysis, a change of the choices starts the next one. */
function changed() {
  if (analysed && source && chosen().length) analyse();
}

async function analyse() {
  if (!chosen().length) return say("Choose a model first.");
  if (!source) return say("Choose a track or a file first.");
  await cancel();
  const own = { id: "", stopped: new AbortController() };
  running = own;
  show(own, 0, "starting");
  try {
    const wanted = { models: chosen(), source, condition: condition() };
    own.id = (await post("/api/listen", wanted)).job;
    if (own.stopped.signal.aborted) api(`/api/jobs/${own.id}`, { method: "DELETE" }).catch(() => {});
    const result = await finished(own.id, (share, text) => show(own, share, text), own.stopped.signal);
    if (result && running === own) display(result, wanted);
  } catch (error) {
    if (error.name !== "AbortError") say(error.message, 30);
  }
  if (running === own) {
    running = null;
    for (const id of ["progress-part", "cancel"]) $(id).hidden = true;
  }
  return undefined;
}

function show(own, share, text) {
  if (running !== own) return;
  for (const id of ["progress-part", "cancel"]) $(id).hidden = false;
  $("progress").value = share;
  $("step").textContent = text;
}

async function cancel() {
  const own = running;
  running = null;
  for (const id of ["progress-part", "cancel"]) $(id).hidden = true;
  if (!own) return;
  own.stopped.abort();
  if (own.id) await api(`/api/jobs/${own.id}`, { method: "DELETE" }).catch(() => {});
}

function display(result, wanted) {
  const first = !analysed;
  analysed = true;
  const perturbed = result.condition !== "clean";
  panels = result.models.map(model => createPanel(model, perturbed, share => player.seek(share)));
  $("panels").replaceChildren(...panels.map(panel => panel.element));
  panels.forEach(panel => panel.draw());
  player.load({ ...result, key: JSON.stringify(wanted.source) });
  remember(wanted);
  // On a narrow page the results are below the choices.
  const bar = $("player");
  if (first && bar.getBoundingClientRect().top > innerHeight / 2) bar.scrollIntoView();
}

/** Keep the choices in the address, so that it can be shared and reloaded. */
function remember(wanted) {
  const query = new URLSearchParams(wanted.models.map(model => ["model", model]));
  if (wanted.source.kind === "corpus") {
    query.set("corpus", wanted.source.corpus);
    query.set("track", wanted.source.track);
  }
  query.set("condition", wanted.condition);
  history.replaceState(null, "", `/listen?${query}`);
}

$("controls").addEventListener("submit", event => {
  event.preventDefault();
  analyse();
});
$("cancel").addEventListener("click", cancel);

const redraw = () => {
  panels.forEach(panel => panel.draw());
  panels.forEach(panel => panel.move(player.share()));
};
let resizing;
window.addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(redraw, 100);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

Promise.all([listModels(), listCorpora(), listPerturbations()]).then(() => {
  if (given.get("track") && !$("corpus-part").hidden) {
    choose({ kind: "corpus", corpus: $("corpus").value, track: given.get("track") }, given.get("track"));
    $("tracks").value = given.get("track");
    if (chosen().length) analyse();
  }
}).catch(error => say(error.message, 30));
