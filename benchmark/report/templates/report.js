"use strict";
// A click on a heading sorts its table: numbers by value, blank cells last.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th"), table = head.closest("table"), body = table.tBodies[0];
    const at = [...head.parentNode.children].indexOf(head);
    const down = head.getAttribute("aria-sort") === "ascending" ||
      (!head.hasAttribute("aria-sort") && head.dataset.first === "down");
    for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = row => row.children[at].dataset.value ?? row.children[at].textContent.trim();
    const compare = (a, b) => {
      const x = value(a), y = value(b);
      if (x === "" || y === "") return (x === "") - (y === "");
      const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
      return down ? -order : order;
    };
    body.append(...[...body.rows].sort(compare));
  });
}
// Pointing at a model in the legend dims the others; a click hides it in every figure.
for (const button of document.querySelectorAll(".legend button")) {
  const own = () => document.querySelectorAll(".plots ." + button.dataset.series);
  const light = on => {
    for (const plots of document.querySelectorAll(".plots"))
      plots.classList.toggle("dim", on && button.getAttribute("aria-pressed") === "true");
    for (const mark of own()) mark.classList.toggle("lit", on);
  };
  for (const event of ["mouseenter", "focus"]) button.addEventListener(event, () => light(true));
  for (const event of ["mouseleave", "blur"]) button.addEventListener(event, () => light(false));
  button.addEventListener("click", () => {
    const show = button.getAttribute("aria-pressed") === "false";
    button.setAttribute("aria-pressed", String(show));
    for (const mark of own()) mark.classList.toggle("off", !show);
    light(show);
  });
}
// A field above a table keeps the rows whose text cells contain every word.
for (const table of document.querySelectorAll("table[data-filter]")) {
  const box = document.createElement("label"), field = document.createElement("input");
  const count = document.createElement("span");
  box.className = "filter";
  field.type = "search";
  field.placeholder = "words; -word excludes a word";
  count.className = "soft";
  count.setAttribute("role", "status");
  box.append("Filter " + table.dataset.filter, field, count);
  table.parentNode.before(box);
  const rows = [...table.tBodies[0].rows];
  const texts = new Map(rows.map(row => [
    row, [...row.querySelectorAll("th, td.text")].map(one => one.textContent).join(" ").toLowerCase(),
  ]));
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(word => word.replace("-", ""));
    let shown = 0;
    for (const row of rows) {
      const text = texts.get(row);
      row.hidden = !words.every(word =>
        word.startsWith("-") ? !text.includes(word.slice(1)) : text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = words.length ? shown + " of " + rows.length : "";
  });
}
// A button in the heading of a section copies a text; where the browser does not allow it, the text
// is selected instead.
for (const source of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  const head = source.closest(".section").querySelector("h2");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy: " + source.dataset.copy);
  head.append(button);
  const say = text => {
    button.textContent = text;
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  };
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.innerText);
      say("Copied");
    } catch {
      getSelection().selectAllChildren(source);
      say("Selected: press Ctrl+C");
    }
  });
}
