"use strict";
// The screen Compare: leaderboard, models side by side, their difference, curves, moved tracks.
import { api, make, say } from "./base.js";
import { drawCurve, key, lean } from "./curves.js";
import { movedTable } from "./moved.js";
import { createTable, filterField, framed, shown, signed, soft } from "./table.js";

const $ = id => document.getElementById(id);
const given = new URLSearchParams(location.search);
const most = Number($("screen").dataset.most);
let data = null, curves = null, picked = [], drawn = new Set(), table = null;

const query = values => new URLSearchParams([["dataset", $("dataset").value], ...values]);
const get = (path, ...values) => api(`/api/compare/${path}?${query(values)}`);
const guard = work => work.catch(error => say(error.message, 30));
const range = (low, high, digits = 3) =>
  low === null || low === undefined ? "" : `[${shown(low, digits)}, ${shown(high, digits)}]`;
const styleOf = model => data.styles.find(style => style.model === model);
const named = model => [key(styleOf(model)), model];

/** Keep the choices in the address, so that it can be reloaded and shared. */
function remember() {
  const values = [["dataset", $("dataset").value], ...picked.map(model => ["model", model])];
  history.replaceState(null, "", `/compare?${new URLSearchParams(values)}`);
}

// Leaderboard

function columnOf(column) {
  if (column.name === "rank") return {
    ...column,
    cell: row => row.rank === null ? "-" :
      row.rank_low === null || row.rank_low === row.rank_high ? String(row.rank) : [String(row.rank), " ", soft(`${row.rank_low}\u2013${row.rank_high}`)],
  };
  if (column.name === "model") return { ...column, head: true, className: "text", cell: row => named(row.model) };
  if (column.kind === "text") return column;
  const digits = column.kind === "integer" || column.name === "macs_per_second_of_audio" ? 0 : 3;
  return {
    ...column,
    cell: row => {
      const value = row[column.name];
      if (value === null) return data.without_audio.includes(row.model) && column.name.endsWith("_drop") ? "n/a" : "";
      const text = shown(value, digits);
      const ends = column.interval ? range(row[`${column.name}_low`], row[`${column.name}_high`]) : "";
      return ends ? [text, " ", soft(ends)] : text;
    },
  };
}

function drawBoard() {
  const chosen = new Set(["rank", "model", ...data.columns.filter(one => one.shown).map(one => one.name)]);
  const columns = data.columns.map(columnOf);
  const pick = {
    name: "pick", title: "Compare", kind: "text", plain: true, className: "pick",
    cell: row => {
      const box = make("input", { type: "checkbox", checked: picked.includes(row.model), "aria-label": `Compare ${row.model}` });
      box.addEventListener("change", () => choose(row.model, box));
      return box;
    },
  };
  const visible = () => [pick, ...columns.filter(one => chosen.has(one.name))];
  table = createTable({
    caption: `Leaderboard of ${data.dataset}`, columns: visible(), rows: data.rows, sort: "rank",
    decorate: (line, row) => line.classList.toggle("picked", picked.includes(row.model)),
  });
  $("board").replaceChildren(table.element);
  const text = row => data.columns.filter(one => one.kind === "text").map(one => row[one.name] ?? "").join(" ");
  $("board-tools").replaceChildren(...filterField("Filter models", table, data.columns, data.rows, text));
  $("board-columns").querySelector("div").replaceChildren(...data.columns.filter(one => one.name !== "model").map(one => {
    const box = make("input", { type: "checkbox", checked: chosen.has(one.name) });
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(one.name); else chosen.delete(one.name);
      table.show(visible());
    });
    return make("label", {}, box, " ", make("b", {}, one.title), make("span", { className: "soft" },
      ` ${one.name}: ${one.description}`));
  }));
}

function choose(model, box) {
  if (!box.checked) picked = picked.filter(one => one !== model);
  else if (picked.length < most) picked = [...picked, model];
  else {
    box.checked = false;
    say(`At most ${most} models at a time.`);
  }
  box.closest("tr").classList.toggle("picked", box.checked);
  showPicked();
}

// Side by side

function showPicked() {
  remember();
  drawn = new Set(picked.length ? picked : data.styles.slice(0, 6).map(style => style.model));
  drawLegend();
  drawCurves();
  $("picked").hidden = picked.length < 2;
  const all = data.rows.map(row => row.model);
  $("pair").hidden = all.length < 2 || !data.has_scores;
  for (const [id, at] of [["first", 0], ["second", 1]]) {
    const ranked = data.styles.map(style => style.model);
    $(id).replaceChildren(...ranked.map(model => make("option", { value: model }, model)));
    $(id).value = picked.length >= 2 ? picked[at] : ranked[at];
  }
  $("difference").replaceChildren();
  $("difference-tags").replaceChildren();
  if (picked.length < 2) return;
  const listen = picked.map(model => data.listen[model]).filter(Boolean);
  $("listen-all").hidden = !listen.length;
  $("listen-all").href = `/listen?${new URLSearchParams([["corpus", data.dataset], ...listen.map(id => ["model", id])])}`;
  const rows = data.columns.filter(one => one.kind !== "text" && one.shown).map(columnOf);
  const body = rows.map(column => {
    const values = picked.map(model => data.rows.find(row => row.model === model));
    const found = values.map(row => row[column.name]).filter(value => value !== null);
    const few = /drop|mce|n_params/.test(column.name);
    const best = column.name === "n_seeds" || found.length < 2 ? NaN : few ? Math.min(...found) : Math.max(...found);
    return make("tr", {}, make("th", { scope: "row", className: "text", title: column.description }, column.title),
      ...values.map(row => {
        const content = column.cell(row);
        return make("td", { className: row[column.name] === best ? "number best" : "number" },
          ...(Array.isArray(content) ? content : [content]));
      }));
  });
  $("side").replaceChildren(make("table", {},
    make("caption", {}, "The best value of a row is bold; overlapping intervals do not settle which is better: see the difference below."),
    make("thead", {}, make("tr", {}, make("td", {}), ...picked.map(model => make("th", { scope: "col" }, ...named(model))))),
    make("tbody", {}, ...body)));
  $("side-tags").querySelector("div").replaceChildren();
  if ($("side-tags").open) guard(showTags());
}

async function showTags() {
  const own = [...picked], box = $("side-tags").querySelector("div");
  const rows = await get("tags", ...own.map(model => ["model", model]));
  if (own.join() !== picked.join()) return;
  const columns = [
    { name: "tag", title: data.unit, kind: "text", head: true, className: "text" },
    { name: "n_positive", title: "test tracks", kind: "integer" },
    ...own.map(model => ({
      name: `m:${model}`, title: model, kind: "number", value: row => row.models[model]?.value ?? null,
      cell: row => row.models[model] ? [shown(row.models[model].value), " ", soft(range(row.models[model].low, row.models[model].high))] : "",
    })),
  ];
  const tags = createTable({ caption: "Scores of every tag", columns, rows });
  box.replaceChildren(make("div", { className: "choices" }, ...filterField(`Filter ${data.unit === "tag" ? "tags" : "classes"}`, tags, columns, rows, row => row.tag)),
    framed(tags, "Scores by label"));
}
$("side-tags").addEventListener("toggle", () => { if ($("side-tags").open) guard(showTags()); });

// Difference

async function compute() {
  const [first, second] = [$("first").value, $("second").value];
  if (first === second) { say("Choose two different models."); return; }
  const button = $("pair-form").querySelector("button");
  button.disabled = true;
  $("difference").replaceChildren("Computing from the stored predictions");
  $("difference-tags").replaceChildren();
  try {
    const found = await get("difference", ["first", first], ["second", second], ["scope", $("scope").value]);
    if (first === $("first").value && second === $("second").value) showDifference(found);
  } catch (error) {
    $("difference").replaceChildren(make("span", { className: "warn" }, error.message));
  } finally {
    button.disabled = false;
  }
}

function showDifference(found) {
  const [a, b] = found.models, title = data.columns.find(one => one.name === found.metric)?.title ?? found.metric;
  const verdict = found.low === null ? "There is no interval, because the test set has one cluster." :
    found.low > 0 ? `${a} scores higher.` : found.high < 0 ? `${b} scores higher.` : "The interval contains zero: these data do not show which is better.";
  const corrected = found.all_pairs?.p_holm ?? null;
  $("difference").replaceChildren(
    make("p", { className: "verdict" }, make("b", {}, `${title}, ${found.scope}: ${a} \u2212 ${b} = ${signed(found.difference)}`), ` ${range(found.low, found.high)}. `, verdict),
    make("p", { className: "soft" }, `${shown(found.score_a)} against ${shown(found.score_b)} on ${found.n_tracks} tracks in ${found.n_clusters} clusters, ` +
      `${found.n_boot} paired resamples. ${a} is higher in ${shown(100 * found.p_beats, 1)} % of them; two-sided p = ${shown(found.p)}` +
      (corrected === null ? "." : `, and ${shown(corrected)} after Holm's correction for all pairs of models.`)));
  const span = Math.max(...found.tags.flatMap(row => row.low === null ? [Math.abs(row.difference ?? 0)] : [Math.abs(row.low), Math.abs(row.high)]), 1e-9);
  const columns = [
    { name: "tag", title: data.unit, kind: "text", head: true, className: "text" },
    { name: "n_positive", title: "test tracks", kind: "integer", description: "number of test tracks with it" },
    { name: "score_a", title: a, kind: "number" },
    { name: "score_b", title: b, kind: "number" },
    { name: "difference", title: "difference", kind: "number", cell: row => signed(row.difference) },
    { name: "lean", title: "", kind: "text", plain: true, className: "lean", cell: row => row.difference === null ? "" : lean(row, span) },
    { name: "low", title: "95 % interval", kind: "text", cell: row => range(row.low, row.high), value: row => row.low },
    { name: "p_holm", title: "p (Holm)", kind: "number", description: `two-sided p value, corrected for all ${found.tags.length} rows` },
  ];
  const tags = createTable({ caption: `Difference of ${a} and ${b} by ${data.unit}`, columns, rows: found.tags, sort: "difference", down: true });
  tags.element.classList.add("bars");
  $("difference-tags").replaceChildren(
    make("p", { className: "soft" }, `By ${data.unit}, ${found.tag_metric === "f1" ? "F1" : "ROC-AUC"}. A filled dot in the colour of links has an interval without zero.`),
    make("div", { className: "choices" }, ...filterField(`Filter ${data.unit === "tag" ? "tags" : "classes"}`, tags, columns, found.tags, row => row.tag)),
    framed(tags, "Difference by label"));
}
$("pair-form").addEventListener("submit", event => { event.preventDefault(); guard(compute()); });

// Curves

function drawLegend() {
  $("legend").replaceChildren(...data.styles.map(style => {
    const button = make("button", { type: "button", "aria-pressed": String(drawn.has(style.model)) }, ...named(style.model));
    button.addEventListener("click", () => {
      if (drawn.has(style.model)) drawn.delete(style.model); else drawn.add(style.model);
      button.setAttribute("aria-pressed", String(drawn.has(style.model)));
      drawCurves();
    });
    return button;
  }));
}

function drawCurves() {
  if (!curves) return;
  const styles = data.styles.filter(style => drawn.has(style.model));
  $("curves").replaceChildren(...(curves.curves.length
    ? curves.curves.map(curve => drawCurve(curve, styles, curves.title, (model, point, mark) => {
      for (const other of document.querySelectorAll(".point.chosen")) other.classList.remove("chosen");
      mark.classList.add("chosen");
      guard(showMoved(model, mark.dataset.condition));
    }))
    : [make("p", { className: "soft" }, "No perturbation with several levels was evaluated.")]));
}

// Moved tracks

async function showMoved(model, condition) {
  $("moved").hidden = false;
  $("moved-table").replaceChildren();
  $("moved-tools").replaceChildren();
  $("moved-text").textContent = "Reading the stored predictions";
  $("moved-title").textContent = "Tracks that moved most";
  $("moved-title").focus();
  let found;
  try {
    found = await get("tracks", ["model", model], ["condition", condition]);
  } catch (error) {
    $("moved-text").textContent = "";
    throw error;
  }
  $("moved-title").textContent = `Tracks that moved most: ${found.model}, ${found.title}`;
  $("moved-text").textContent = `The ${found.tracks.length} of ${found.n} tracks with the greatest mean change of log-odds from clean audio` +
    (found.seeds > 1 ? `, mean over ${found.seeds} training seeds.` : ".");
  const [tools, tracks] = movedTable(found, data);
  $("moved-tools").replaceChildren(...tools);
  $("moved-table").replaceChildren(tracks);
}

// Start

async function open() {
  const name = $("dataset").value;
  $("screen").hidden = true;
  $("moved").hidden = true;
  $("facts").textContent = "Reading the tables";
  curves = null;
  try {
    const next = await get("board");
    if (name !== $("dataset").value) return;
    data = next;
  } catch (error) {
    $("facts").textContent = "";
    throw error;
  }
  const models = data.rows.map(row => row.model);
  picked = given.get("dataset") === name ? given.getAll("model").filter(model => models.includes(model)).slice(0, most) : [];
  const row = data.rows[0] ?? {};
  $("facts").textContent = [`${models.length} models`, row.n_tracks && `${row.n_tracks} test tracks`, row.n_clusters && `${row.n_clusters} clusters`, row.n_boot && `${row.n_boot} resamples`].filter(Boolean).join(", ");
  $("no-scores").hidden = data.has_scores;
  $("about-scores").hidden = !data.has_scores;
  drawBoard();
  $("screen").hidden = false;
  showPicked();
  get("scopes").then(scopes => {
    $("scope").replaceChildren(...scopes.map(scope => make("option", { value: scope.key }, scope.title)));
  }, () => { $("pair").hidden = true; });
  curves = await get("curves");
  if (name === $("dataset").value) drawCurves();
}

async function start() {
  const datasets = await api("/api/compare/datasets");
  const whole = datasets.filter(one => !one.error);
  if (!datasets.length) {
    $("facts").textContent = "There are no results in this folder yet. Run a benchmark first: tagbench run";
    return;
  }
  $("dataset").replaceChildren(...datasets.map(one =>
    make("option", { value: one.name, disabled: Boolean(one.error), title: one.error }, one.error ? `${one.name} (no tables yet)` : `${one.name} (${one.models} models)`)));
  if (!whole.length) {
    $("facts").textContent = datasets[0].error;
    return;
  }
  $("dataset").value = whole.some(one => one.name === given.get("dataset")) ? given.get("dataset") : whole[0].name;
  await open();
}
$("dataset").addEventListener("change", () => { remember(); guard(open()); });
guard(start());
