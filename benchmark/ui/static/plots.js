"use strict";
// Drawings on canvas: heat maps of tags or attention heads over time, with labels and a time axis.

const AXIS = 18, ROW = 17;

const variable = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function rgb(hex) {
  const digits = hex.slice(1);
  return [0, 2, 4].map(at => parseInt(digits.slice(at, at + 2), 16));
}

const mix = (from, to, share) => from.map((value, at) => Math.round(value + (to[at] - value) * share));

/** Colour of a probability from 0 to 1, or of a change from -1 to 1. */
export function colours(kind) {
  if (kind === "change") {
    const zero = rgb(variable("--zero")), rise = rgb(variable("--rise")), fall = rgb(variable("--fall"));
    // Small changes are visible: the square root of the magnitude is drawn.
    return value => mix(zero, value < 0 ? fall : rise, Math.sqrt(Math.min(Math.abs(value), 1)));
  }
  const low = rgb(variable("--low")), middle = rgb(variable("--middle")), high = rgb(variable("--high"));
  return value => value < 0.5 ? mix(low, middle, value * 2) : mix(middle, high, Math.min(value * 2 - 1, 1));
}

function shorten(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && context.measureText(text.slice(0, end) + "…").width > width) end -= 1;
  return text.slice(0, end) + "…";
}

export const clock = seconds => {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};

/** Width of the labels of a plot. */
export const gutter = width => (width < 560 ? 92 : 132);

/**
 * Draw rows of values over time.
 * `plot`: {labels: [R], rows: [R][W], edges: [W][2] in seconds, seconds, kind}.
 */
export function heatMap(canvas, plot) {
  const width = canvas.clientWidth, height = plot.rows.length * ROW + AXIS;
  const ratio = window.devicePixelRatio || 1, left = gutter(width);
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const colour = colours(plot.kind), across = (width - left) / plot.seconds;
  plot.rows.forEach((row, at) => {
    plot.edges.forEach(([start, stop], window) => {
      const [red, green, blue] = colour(row[window]);
      context.fillStyle = `rgb(${red} ${green} ${blue})`;
      const x = left + start * across;
      context.fillRect(x, at * ROW, Math.max((stop - start) * across, 0.5) + 0.4, ROW - 1);
    });
  });
  context.font = '12px system-ui, "Segoe UI", Arial, sans-serif';
  context.fillStyle = variable("--ink");
  context.textBaseline = "middle";
  context.textAlign = "right";
  plot.labels.forEach((label, at) =>
    context.fillText(shorten(context, label, left - 10), left - 7, at * ROW + ROW / 2));
  context.fillStyle = variable("--soft");
  context.textBaseline = "top";
  for (const second of ticks(plot.seconds, (width - left) / 60)) {
    const x = left + second * across;
    context.fillRect(x, height - AXIS, 1, 4);
    context.textAlign = second === 0 ? "left" : x > width - 16 ? "right" : "center";
    context.fillText(clock(second), x, height - AXIS + 5);
  }
}

function ticks(seconds, most) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600];
  const step = steps.find(one => seconds / one <= most) ?? 7200;
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, at) => at * step);
}

/** Draw the colours of a scale from left to right. */
export function scale(canvas, kind) {
  canvas.width = 96;
  canvas.height = 8;
  const context = canvas.getContext("2d"), colour = colours(kind);
  for (let x = 0; x < 96; x += 1) {
    const [red, green, blue] = colour(kind === "change" ? x / 47.5 - 1 : x / 95);
    context.fillStyle = `rgb(${red} ${green} ${blue})`;
    context.fillRect(x, 0, 1, 8);
  }
}

/** Parts [start, stop] of the time axis, halfway between the centres of the windows. */
export function edgesOf(starts, window, seconds) {
  const centres = starts.map(start => start + window / 2);
  return betweenCentres(centres, seconds);
}

export function betweenCentres(centres, seconds) {
  return centres.map((centre, at) => [
    at === 0 ? 0 : (centres[at - 1] + centre) / 2,
    Math.min(at === centres.length - 1 ? seconds : (centre + centres[at + 1]) / 2, seconds),
  ]);
}
