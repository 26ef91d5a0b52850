"use strict";
// The table of the tracks that moved most, with links to the screen Listen.
import { make } from "./base.js";
import { createTable, filterField, framed, shown, signed, soft } from "./table.js";

/**
 * Return the filter and the table of an answer of /api/compare/tracks.
 *
 * `data` is the leaderboard of the dataset, which states the ids of the models.
 */
export function movedTable(found, data) {
  const id = data.listen[found.model];
  const arrow = (before, after) => before === null ? "" : `${shown(before, 2)} \u2192 ${shown(after, 2)}`;
  const columns = [
    { name: "track", title: "track", kind: "text", head: true, className: "text" },
    { name: "change", title: "change of log-odds", kind: "number", description: "mean over tags of the absolute change of log-odds" },
    { name: "own", title: "its own labels", kind: "number", description: "mean probability of the labels that the track has, clean and perturbed; sorted by the change",
      value: row => row.own_before === null ? null : row.own_after - row.own_before,
      cell: row => row.own_before === null ? "no label" : [arrow(row.own_before, row.own_after), " ", soft(signed(row.own_after - row.own_before, 2))] },
    { name: "tag", title: `${data.unit} that moved most`, kind: "text", cell: row => `${row.tag}${row.has_tag ? " (label of the track)" : ""}` },
    { name: "after", title: "probability", kind: "number", value: row => row.after - row.before, description: "of this tag, clean and perturbed; sorted by the change",
      cell: row => [arrow(row.before, row.after), " ", soft(signed(row.after - row.before, 2))] },
    { name: "listen", title: "Listen", kind: "text", plain: true, cell: row => {
      if (!id) return "";
      const values = [["corpus", data.dataset], ["track", row.track], ["condition", found.condition], ["model", id]];
      return make("a", { href: `/listen?${new URLSearchParams(values)}`, "aria-label": `Listen to ${row.track}` }, "Listen");
    } },
  ];
  const tracks = createTable({ caption: "Tracks that moved most", columns, rows: found.tracks, sort: "change", down: true });
  return [filterField("Filter tracks", tracks, columns, found.tracks, row => `${row.track} ${row.tag}`), framed(tracks, "Tracks that moved most")];
}
