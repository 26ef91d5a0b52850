"use strict";
// What one model says of a track: taggrams under each other, top tags, attention.
import { make } from "./base.js";
import { betweenCentres, edgesOf, gutter, heatMap, scale } from "./plots.js";

const TOP = 10;

const fixed = value => value.toFixed(3);
const signed = value => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(3);

/** Tags with the highest probability in either version, in descending order. */
function topTags(model, count) {
  const best = model.tags.map((_, at) => Math.max(model.clean[at], model.perturbed[at]));
  return best.map((_, at) => at).sort((a, b) => best[b] - best[a] || a - b).slice(0, count);
}

/** Create the panel of a model; `seek(share)` is called when a plot is clicked. */
export function createPanel(model, perturbed, seek) {
  const stages = [];
  const shown = topTags(model, 15), names = shown.map(at => model.tags[at]);
  const figures = make("div");

  function add(title, plot, ends, description) {
    const canvas = make("canvas", { role: "img", "aria-label": description });
    const cursor = make("div", { className: "cursor" });
    const stage = make("div", { className: "stage" }, canvas, cursor);
    const key = make("canvas", { "aria-hidden": "true" });
    const legend = make("span", { className: "key-scale" }, ends[0], key, ends[1]);
    const caption = make("figcaption", {}, make("b", {}, title), legend);
    figures.append(make("figure", { className: "plot" }, caption, stage));
    stage.addEventListener("click", event => {
      const box = canvas.getBoundingClientRect(), left = gutter(box.width);
      const place = (event.clientX - box.left - left) / (box.width - left);
      if (place >= 0) seek(place);
    });
    stages.push({ canvas, cursor, plot, key });
  }

  function taggram(title, gram, kind, ends) {
    const rows = shown.map(at => gram.scores.map(row => row[at]));
    const text = kind === "change" ? "change of the probability" : "probability";
    add(title, {
      labels: names, rows, kind, seconds: gram.seconds,
      edges: edgesOf(gram.starts, gram.window, gram.seconds),
    }, ends, `${title}, ${model.title}: ${text} of ${names.length} tags over ` +
      `${gram.seconds.toFixed(1)} seconds. The table states the values for the whole track.`);
  }

  taggram(perturbed ? "Taggram A, clean" : "Taggram", model.grams.clean, "probability", ["0", "1"]);
  if (perturbed) {
    taggram("Taggram B, perturbed", model.grams.perturbed, "probability", ["0", "1"]);
    taggram("Difference, B − A", model.grams.difference, "change", ["−1", "+1"]);
  }
  if (model.attention) {
    for (const [name, title] of [["clean", "Attention A, last layer"], ["perturbed", "Attention B, last layer"]]) {
      if (name === "perturbed" && !perturbed) continue;
      const map = model.attention[name], covered = Math.min(map.covered, map.seconds);
      add(title, {
        labels: map.heads.map((_, at) => `head ${at + 1}`), rows: map.heads, kind: "probability",
        seconds: map.seconds, edges: betweenCentres(map.times, covered),
      }, ["0", "max"], `${title}: attention that each moment receives, of ${map.heads.length} heads.`);
    }
  }

  const heading = make("h2", {}, `${model.title} `,
    make("span", { className: "soft" }, `trained on ${model.dataset}, ${model.tags.length} tags`));
  const element = make("section", { className: "panel", "aria-label": model.title }, heading,
    make("div", { className: "split" }, figures, table(model, perturbed)));
  return {
    element,
    draw() {
      for (const { canvas, plot, key } of stages) {
        heatMap(canvas, plot);
        scale(key, plot.kind);
      }
    },
    move(share) {
      for (const { canvas, cursor } of stages) {
        const width = canvas.clientWidth, left = gutter(width);
        cursor.style.left = `${left + share * (width - left) - 1}px`;
      }
    },
  };
}

function table(model, perturbed) {
  const heads = perturbed ? ["tag", "A", "B", "change"] : ["tag", "probability"];
  const body = make("tbody");
  for (const at of topTags(model, TOP)) {
    const before = model.clean[at], after = model.perturbed[at], change = after - before;
    const row = make("tr", {}, make("th", { scope: "row", className: "text" }, model.tags[at]), cell(before));
    if (perturbed) row.append(cell(after), make("td", {
      className: Math.abs(change) < 5e-4 ? "" : change < 0 ? "down" : "up",
    }, signed(change)));
    body.append(row);
  }
  const most = perturbed ? largestDrops(model) : "";
  return make("div", {}, make("table", { className: "top" },
    make("caption", {}, `Top ${TOP} tags, whole track`),
    make("thead", {}, make("tr", {}, ...heads.map((head, at) =>
      make("th", { scope: "col", className: at ? "" : "text" }, head)))), body),
    make("p", { className: "soft small" }, most));
}

function cell(value) {
  const meter = make("span", { className: "meter" });
  meter.style.width = `calc(${Math.max(value * 100, 0)}% - .4rem)`;
  return make("td", {}, fixed(value), meter);
}

function largestDrops(model) {
  const changes = model.tags.map((tag, at) => ({ tag, change: model.perturbed[at] - model.clean[at] }))
    .filter(one => one.change < -5e-4).sort((a, b) => a.change - b.change).slice(0, 3);
  if (!changes.length) return "No tag drops.";
  return "Largest drops: " + changes.map(one => `${one.tag} ${signed(one.change)}`).join(", ") + ".";
}
