"use strict";
// Degradation curves as SVG, with points that can be chosen by mouse and keyboard.

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 400, HEIGHT = 230, LEFT = 44, RIGHT = 10, TOP = 8, BOTTOM = 40;
const DASHES = { "-": "", "--": "7 4", "-.": "7 3 2 3", ":": "2 3" };

/** Create an SVG element. */
export function draw(name, properties = {}, ...children) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(properties)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Return the key of a model: its line and marker. */
export function key(style) {
  return draw("svg", { class: "key", viewBox: "0 0 26 12", "aria-hidden": "true" },
    draw("line", { x1: 0, x2: 26, y1: 6, y2: 6, stroke: style.colour, "stroke-width": 2, "stroke-dasharray": DASHES[style.dash] }),
    draw("polygon", { points: style.points, fill: style.colour }));
}

function steps(low, high) {
  const rough = (high - low) / 4 || 0.1, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(one => one * power).find(one => one >= rough);
  const ticks = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-6; at += step) ticks.push(at);
  return [ticks, Math.max(0, -Math.floor(Math.log10(step) + 1e-9))];
}

/**
 * Draw one family of perturbations.
 *
 * `styles` lists the models to draw; `choose(model, point, curve)` is called for a chosen point.
 */
export function drawCurve(curve, styles, title, choose) {
  const series = styles.map(style => [style, curve.series.find(one => one.model === style.model)])
    .filter(([, own]) => own).map(([style, own]) => [style, own.points.filter(point => point.value !== null)]);
  const points = series.flatMap(([, own]) => own);
  const figure = document.createElement("figure");
  figure.append(Object.assign(document.createElement("figcaption"), { textContent: curve.title }));
  if (!points.length) {
    figure.append(Object.assign(document.createElement("p"), { className: "soft", textContent: "No finished evaluation of these models." }));
    return figure;
  }
  const xs = points.map(point => point.x);
  const ys = points.flatMap(point => [point.value, point.low ?? point.value, point.high ?? point.value]);
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)], margin = (Math.max(...ys) - Math.min(...ys)) * 0.05 || 0.01;
  const [y0, y1] = [Math.min(...ys) - margin, Math.max(...ys) + margin];
  const x = value => LEFT + 10 + (value - x0) / (x1 - x0 || 1) * (WIDTH - LEFT - RIGHT - 20);
  const y = value => TOP + (y1 - value) / (y1 - y0) * (HEIGHT - TOP - BOTTOM);
  const picture = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": `${curve.title}: ${title} by ${curve.label}` });
  const [ticks, digits] = steps(y0, y1);
  for (const tick of ticks) {
    picture.append(draw("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick) }),
      draw("text", { x: LEFT - 5, y: y(tick) + 4, "text-anchor": "end" }, tick.toFixed(digits).replace("-", "\u2212")));
  }
  picture.append(draw("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }));
  const kept = [];
  for (const point of [...points].sort((a, b) => (a.severity > 0) - (b.severity > 0) || b.severity - a.severity)) {
    if (kept.some(other => Math.abs(x(other) - x(point.x)) < 34)) continue;
    kept.push(point.x);
    picture.append(draw("text", { x: x(point.x), y: HEIGHT - BOTTOM + 15, "text-anchor": "middle" }, point.tick.replace("-", "\u2212")));
  }
  picture.append(draw("text", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, curve.label));
  for (const [style, own] of series) picture.append(...drawSeries(curve, style, own, x, y, title, choose));
  figure.append(picture);
  return figure;
}

function drawSeries(curve, style, own, x, y, title, choose) {
  if (!own.length) return [];
  const line = own.map(point => `${x(point.x)},${y(point.value)}`).join(" ");
  const band = [...own.map(point => [point.x, point.high ?? point.value]), ...own.toReversed().map(point => [point.x, point.low ?? point.value])];
  const group = draw("g", { role: "group", "aria-label": style.model });
  group.append(
    draw("polygon", { points: band.map(([at, value]) => `${x(at)},${y(value)}`).join(" "), fill: style.colour, opacity: 0.13 }),
    draw("polyline", { points: line, fill: "none", stroke: style.colour, "stroke-width": 2, "stroke-dasharray": DASHES[style.dash] }));
  const marks = own.map(point => {
    const where = point.severity ? point.tick : "clean audio";
    const range = point.low === null ? "" : `, 95 % interval ${point.low.toFixed(3)} to ${point.high.toFixed(3)}`;
    const label = `${style.model}, ${curve.title} ${where}: ${title} ${point.value.toFixed(3)}${range}`;
    const marker = draw("polygon", { points: style.points, fill: style.colour, transform: "translate(-13 -6)" });
    if (!point.severity) {
      return draw("g", { transform: `translate(${x(point.x)} ${y(point.value)})`, role: "img", "aria-label": label }, marker, draw("title", {}, label));
    }
    const mark = draw("g", {
      class: "point", role: "button", tabindex: -1, "aria-label": label,
      transform: `translate(${x(point.x)} ${y(point.value)})`,
      "data-model": style.model, "data-condition": `${point.protocol}/${point.perturbation}/${point.severity}`,
    }, draw("circle", { class: "halo", r: 10 }), marker, draw("title", {}, label));
    mark.addEventListener("click", () => choose(style.model, point, mark));
    return mark;
  });
  const targets = marks.filter(mark => mark.classList.contains("point"));
  targets[0]?.setAttribute("tabindex", 0);
  group.addEventListener("keydown", event => {
    const at = targets.indexOf(event.target);
    if (at < 0) return;
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: targets.length - 1 }[event.key];
    if (event.key === "Enter" || event.key === " ") event.target.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    else if (targets[next]) {
      event.target.setAttribute("tabindex", -1);
      targets[next].setAttribute("tabindex", 0);
      targets[next].focus();
    } else return;
    event.preventDefault();
  });
  group.append(...marks);
  return [group];
}

/** Draw a difference with its interval around zero, from -span to span. */
export function lean(row, span) {
  const x = value => 72 + Math.max(-1, Math.min(1, value / span)) * 68;
  const picture = draw("svg", { viewBox: "0 0 144 16", "aria-hidden": "true" }, draw("line", { class: "zero", x1: 72, x2: 72, y1: 0, y2: 16 }));
  if (row.low !== null) picture.append(draw("line", { class: "span", x1: x(row.low), x2: x(row.high), y1: 8, y2: 8 }));
  const clear = row.low > 0 || row.high < 0;
  picture.append(draw("circle", { class: clear ? "dot clear" : "dot", cx: x(row.difference), cy: 8, r: 4 }));
  return picture;
}
