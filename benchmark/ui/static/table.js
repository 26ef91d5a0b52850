"use strict";
// Tables whose rows come as JSON: sorted by their headings, filtered by words and comparisons.
import { make } from "./base.js";

/** Return a number with `digits` decimals, in groups of three without decimals; empty if missing. */
export function shown(value, digits = 3) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  return (digits ? value.toFixed(digits) : Math.round(value).toLocaleString("en")).replace("-", "\u2212");
}

/** Return a difference with its sign. */
export function signed(value, digits = 3) {
  if (value === null || value === undefined) return "";
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : (value > 0 ? "+" : "\u2212") + text;
}

/** Return a text that is less prominent than the number before it. */
export const soft = text => make("span", { className: "range" }, text);

/** Return a function that tells whether a row meets a filter: words, -words and name>number. */
export function filter(text, columns, values) {
  const tests = text.toLowerCase().split(/[\s;]+/).filter(word => word.replace("-", "")).map(word => {
    const [, name, sign, limit] = word.match(/^(.+?)(<=|>=|<|>|=)(-?[\d.]+)$/) ?? [];
    const column = name && columns.find(one =>
      one.kind !== "text" && [one.name, one.title.replaceAll(" ", "_")].some(own => own.toLowerCase() === name));
    if (column) {
      const most = Number(limit);
      return row => {
        const value = row[column.name];
        if (value === null || value === undefined) return false;
        return { "<": value < most, ">": value > most, "<=": value <= most, ">=": value >= most, "=": value === most }[sign];
      };
    }
    const without = word.startsWith("-"), plain = word.replace(/^-/, "");
    return row => values(row).toLowerCase().includes(plain) !== without;
  });
  return row => tests.every(test => test(row));
}

/**
 * Create a table. A column has `name`, `title`, `kind` ("text" or a kind of number), and may have
 * `description`, `cell(row)` for its content, `value(row)` to sort by, `plain` if it is not sorted,
 * and `head` if it names the row.
 */
export function createTable({ caption, columns, rows, sort = "", down = false, decorate }) {
  let order = sort, falling = down, keep = () => true, listed = columns;
  const table = make("table"), head = make("thead"), body = make("tbody");
  if (caption) table.append(make("caption", { className: "visually-hidden" }, caption));
  table.append(head, body);

  const value = (column, row) => column.value ? column.value(row) : row[column.name];

  function drawHead() {
    const line = make("tr");
    for (const column of listed) {
      const cell = make("th", { scope: "col", className: column.kind === "text" ? "text" : "number" });
      if (column.description) cell.title = column.description;
      if (column.plain) cell.append(column.title);
      else {
        cell.append(make("button", { type: "button", onclick: () => by(column) }, column.title));
        if (column.name === order) cell.setAttribute("aria-sort", falling ? "descending" : "ascending");
      }
      line.append(cell);
    }
    head.replaceChildren(line);
  }

  function by(column) {
    falling = order === column.name ? !falling : column.kind !== "text" && column.name !== "rank";
    order = column.name;
    const at = listed.indexOf(column);
    drawHead();
    drawBody();
    head.querySelectorAll("th")[at].querySelector("button").focus();
  }

  function drawBody() {
    const column = listed.find(one => one.name === order), chosen = rows.filter(keep);
    if (column) chosen.sort((a, b) => {
      const x = value(column, a), y = value(column, b), no = one => one === null || one === undefined || one === "";
      if (no(x) || no(y)) return no(x) - no(y);
      const more = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
      return falling ? -more : more;
    });
    body.replaceChildren(...chosen.map(row => {
      const line = make("tr");
      for (const column of listed) {
        const cell = column.head ? make("th", { scope: "row" }) : make("td");
        cell.className = column.className ?? (column.kind === "text" ? "text" : "number");
        const content = column.cell ? column.cell(row) : shown(row[column.name], column.kind === "integer" ? 0 : 3);
        cell.append(...(Array.isArray(content) ? content : [content]));
        line.append(cell);
      }
      decorate?.(line, row);
      return line;
    }));
    return chosen.length;
  }

  drawHead();
  drawBody();
  return {
    element: table,
    /** Keep the rows that a function accepts; returns their number. */
    keep(test) { keep = test; return drawBody(); },
    /** Show other columns. */
    show(next) { listed = next; drawHead(); drawBody(); },
    /** Draw the rows again. */
    redraw: drawBody,
  };
}

/** Return a table in a frame that scrolls, also by keyboard. */
export function framed(table, label) {
  return make("div", { className: "wide", tabIndex: 0, role: "region", "aria-label": label }, table.element);
}

/** Return a field that filters a table, and its count of rows. */
export function filterField(label, table, columns, rows, values) {
  const field = make("input", { type: "search", placeholder: "words; -word; name>0.9" });
  const count = make("span", { className: "soft", role: "status" });
  field.addEventListener("input", () => {
    const left = table.keep(filter(field.value, columns, values));
    count.textContent = field.value.trim() ? `${left} of ${rows.length}` : "";
  });
  return [make("label", {}, label, field), count];
}
