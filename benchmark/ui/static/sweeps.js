"use strict";
// The screen Sweeps: asks for the progress every few seconds and redraws what has changed.
import { api, make, say } from "./base.js";
import { draw } from "./curves.js";
import { createTable, framed, shown } from "./table.js";

const $ = id => document.getElementById(id);
const parts = new Map();  // drawn sections by dataset
let before = null, timer = 0, busy = false;

/** Return a duration in words. */
function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 100) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${(seconds / 3600).toFixed(1)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

const count = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

/** Replace the content of a part if what it shows has changed, so that focus and selection stay. */
function update(section, name, values, content) {
  const text = JSON.stringify(values), part = section.querySelector(`[data-part="${name}"]`);
  if (part.dataset.shown === text) return;
  part.dataset.shown = text;
  const open = new Set([...part.querySelectorAll("details[open]")].map(one => one.dataset.id));
  const texts = new Map([...part.querySelectorAll("pre.log[data-id]")].map(one => [one.dataset.id, one.textContent]));
  part.replaceChildren(...content(values));
  for (const one of part.querySelectorAll("details")) one.open = one.open || open.has(one.dataset.id);
  for (const one of part.querySelectorAll("pre.log[data-id]")) if (texts.get(one.dataset.id)) {
    one.textContent = texts.get(one.dataset.id);
    one.hidden = false;
  }
}

function sectionOf(name) {
  if (!parts.has(name)) {
    const section = make("section", { className: "sweep", "aria-label": name });
    for (const part of ["head", "meter", "facts", "started", "failures", "models", "logs"])
      section.append(make("div", { "data-part": part }));
    parts.set(name, section);
  }
  return parts.get(name);
}

const STATES = { running: "running", stopped: "not running", failed: "ended with failures", finished: "finished", unreadable: "cannot be read" };

function head(one) {
  return [make("h2", {}, one.name, make("span", { className: `state ${one.state}` }, STATES[one.state]),
    make("span", { className: "soft" }, one.preset ? `preset ${one.preset}` : ""))];
}

function meter(counts) {
  const total = counts.total || 1, done = counts.done / total * 1000, started = counts.started / total * 1000;
  const failed = (counts.failed + counts.blocked) / total * 1000;
  const picture = draw("svg", { class: "meter", viewBox: "0 0 1000 16", preserveAspectRatio: "none", role: "img",
    "aria-label": `${counts.done} of ${counts.total} cells done, ${counts.started} started, ${counts.failed} failed` },
    draw("rect", { class: "done", x: 0, width: done, height: 16 }),
    draw("rect", { class: "running", x: done, width: started, height: 16 }),
    draw("rect", { class: "failed", x: 1000 - failed, width: failed, height: 16 }));
  return [picture];
}

function facts(one) {
  const { counts } = one, running = one.state === "running";
  const items = [
    ["done", `${counts.done.toLocaleString("en")} of ${counts.total.toLocaleString("en")}`],
    ["failed", counts.failed],
  ];
  if (counts.waiting) items.splice(1, 0, ["waiting", counts.waiting]);
  if (counts.started) items.splice(1, 0, [running ? "running" : "begun, without a result", counts.started]);
  if (counts.blocked) items.push(["need a failed cell", counts.blocked]);
  if (running) items.push(
    ["cells per minute", one.per_minute === null ? "not known yet" : shown(one.per_minute, one.per_minute < 10 ? 2 : 0)],
    ["time left", one.left_s === null ? "not known yet" : `about ${duration(one.left_s)}`]);
  return [make("ul", { className: "facts" }, ...items.map(([name, value]) => make("li", {}, make("b", {}, String(value)), name))), advice(one)];
}

function advice(one) {
  const changed = one.changed_s === null ? "" : `The last file was written ${one.changed}. `;
  const text = {
    running: one.here ? `${changed}A run of this machine works in this folder.`
      : `${changed}No run of this machine holds the folder: another one works in it, or has just ended.`,
    stopped: `${changed}Nothing has changed for more than three minutes. Give the same tagbench run command again to continue; finished cells are kept.`,
    failed: `${changed}Correct the cause below and give the same tagbench run command again: only these cells are run.`,
    finished: `${changed}`,
  }[one.state];
  return make("p", { className: "soft" }, text);
}

function started([cells, running]) {
  if (!cells.length) return [];
  const columns = [
    { name: "title", title: running ? "running" : "begun, without a result", kind: "text", head: true, className: "text", plain: true },
    { name: "since", title: "started", kind: "text", plain: true },
    { name: "changed", title: "last file written", kind: "text", plain: true },
  ];
  return [framed(createTable({ caption: "Cells that have started", columns, rows: cells }), "Cells that have started")];
}

function logButton(dataset, name) {
  const text = make("pre", { className: "log", tabIndex: 0, hidden: true, role: "region", "aria-label": `End of ${name}`, "data-id": `log ${name}` });
  const button = make("button", { type: "button" }, `Show the end of ${name}`);
  button.addEventListener("click", async () => {
    try {
      const found = await api(`/api/sweeps/log?${new URLSearchParams([["dataset", dataset], ["name", name]])}`);
      text.textContent = found.text.trim() || "The log is empty.";
      text.hidden = false;
      text.scrollTop = text.scrollHeight;
    } catch (error) {
      say(error.message);
    }
  });
  return [button, text];
}

function failures([name, n, cells]) {
  if (!n) return [];
  const more = n > cells.length ? [make("p", { className: "soft" }, `The first ${cells.length} of ${n} are listed.`)] : [];
  return [make("h3", {}, count(n, "failure")), ...more, ...cells.map(cell =>
    make("details", { className: "failure", "data-id": cell.id },
      make("summary", {}, make("b", {}, cell.title), ` (${cell.stage}) `, make("span", { className: "warn" }, `${cell.error}: ${cell.message.split("\n")[0].slice(0, 300)}`)),
      make("p", { className: "soft" }, `Cell ${cell.id}`),
      make("pre", { className: "log", tabIndex: 0, role: "region", "aria-label": "Traceback" }, cell.traceback || cell.message),
      ...(cell.log ? logButton(name, cell.log) : [])))];
}

function models([rows, finished]) {
  const part = own => `${own[0]} of ${own[1]}`;
  const columns = [
    { name: "model", title: "model", kind: "text", head: true, className: "text" },
    { name: "trained", title: "trained", kind: "number", cell: row => part(row.trained), value: row => row.trained[0] },
    { name: "evaluated", title: "evaluated", kind: "number", cell: row => part(row.evaluated), value: row => row.evaluated[0] },
    { name: "started", title: "started", kind: "integer" },
    { name: "failed", title: "failed", kind: "integer" },
  ];
  return [make("details", { "data-id": "models", open: !finished && rows.length <= 12 }, make("summary", {}, count(rows.length, "model")),
    framed(createTable({ caption: "Cells by model", columns, rows }), "Cells by model"))];
}

function logs([name, files]) {
  if (!files.length) return [];
  return [make("details", { "data-id": "logs" }, make("summary", {}, "Newest logs"), ...files.flatMap(file => [make("div", {}, ...logButton(name, file))]))];
}

function ago(seconds) { return seconds < 5 ? "just now" : `${duration(seconds)} ago`; }

function show(one) {
  const section = sectionOf(one.name);
  update(section, "head", { name: one.name, state: one.state, preset: one.preset }, head);
  if (one.state === "unreadable") {
    update(section, "facts", one.reason, reason => [make("p", { className: "warn" }, reason)]);
    return section;
  }
  update(section, "meter", one.counts, meter);
  update(section, "facts", { state: one.state, here: one.here, counts: one.counts, per_minute: one.per_minute, left_s: one.left_s,
    changed_s: one.changed_s === null ? null : 0, changed: one.changed_s === null ? "" : ago(one.changed_s) }, facts);
  update(section, "started", [one.started.map(cell => ({ title: cell.title, since: ago(cell.since_s), changed: ago(cell.changed_s) })), one.state === "running"], started);
  update(section, "failures", [one.name, one.n_failures, one.failures], failures);
  update(section, "models", [one.models, one.state === "finished"], models);
  update(section, "logs", [one.name, one.logs.map(log => log.name)], logs);
  return section;
}

/** Tell what has happened since the last answer, in one sentence for screen readers. */
function news(found) {
  const text = [];
  for (const one of found) {
    const old = before?.find(other => other.name === one.name);
    if (!old?.counts || !one.counts) continue;
    if (one.state !== old.state) text.push(`${one.name} is ${STATES[one.state]}.`);
    if (one.counts.failed > old.counts.failed) text.push(`${one.name}: ${count(one.counts.failed, "failed cell")}.`);
    const tenth = counts => Math.floor(10 * counts.done / (counts.total || 1));
    if (tenth(one.counts) > tenth(old.counts)) text.push(`${one.name}: ${one.counts.done} of ${one.counts.total} cells done.`);
  }
  if (text.length) $("news").textContent = text.join(" ");
}

async function refresh() {
  if (busy) return;
  busy = true;
  try {
    const found = await api("/api/sweeps");
    news(found);
    before = found;
    const sections = found.map(show), place = $("sweeps");
    if (!found.length) place.replaceChildren(make("p", { className: "soft" }, "There are no runs in this folder yet. Start one in a terminal: tagbench run"));
    else if (sections.length !== place.children.length || sections.some((section, at) => section !== place.children[at])) place.replaceChildren(...sections);
    $("read").textContent = `Read at ${new Date().toLocaleTimeString()}`;
  } catch (error) {
    say(error.message);
  } finally {
    busy = false;
  }
}

function schedule() {
  clearInterval(timer);
  if ($("watch").checked) timer = setInterval(() => { if (!document.hidden) refresh(); }, 1000 * $("watch").dataset.every);
}

$("watch").addEventListener("change", schedule);
$("refresh").addEventListener("click", refresh);
document.addEventListener("visibilitychange", () => { if (!document.hidden && $("watch").checked) refresh(); });
schedule();
refresh();
