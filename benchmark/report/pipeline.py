"""From stored predictions to tables and report: no audio, no torch, no forward pass."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console

from benchmark.config.files import flat
from benchmark.report.html import write_report
from benchmark.report.terminal import render_consistency, render_leaderboard
from benchmark.score.pipeline import tables_of
from benchmark.store import run_record as sweeps
from benchmark.store.store import Store
from benchmark.store.tables import Tables, write_tables


def write_results(
    sweep: sweeps.RunRecord, store: Store, console: Console, *, report: bool = True
) -> Tables:
    """Write the CSVs and the report of a dataset and print its leaderboard.

    Args:
        sweep: What to score.
        store: Where its predictions lie.
        console: For people.
        report: Whether to render the HTML report too.
    """
    folder = sweeps.folder(sweep.dataset, store)
    tables = tables_of(sweep, store)
    write_tables(tables, folder)
    console.print(
        render_leaderboard(tables)
        if tables.leaderboard["rank"].notna().any() or tables.consistency.empty
        else render_consistency(tables.consistency, tables.dataset)  # no labels
    )
    console.print(f"Tables:  {folder}/{', '.join(tables.frames())}")
    if report:
        # A record of an older version has none.
        bibtex = list(sweep.info.get("bibtex", {}).values())
        page = write_report(tables, folder, provenance_of(sweep, store), bibtex)
        console.print(f"Report:  {page}")
    return tables


def provenance_of(sweep: sweeps.RunRecord, store: Store) -> dict[str, Any]:
    """Return what the report says about where its numbers come from."""
    info = sweep.info
    software: dict[str, set[str]] = {}
    for cell in sweep.cells:
        if store.state(cell["id"]) == "done":
            for name, value in store.metrics(cell["id"])["provenance"].items():
                software.setdefault(name, set()).add(value)
    contract = json.loads(info["contract"])
    return {
        "Data": {
            "dataset": sweep.dataset,
            **{f"{part} tracks": count for part, count in info["n_tracks"].items()},
            "tags": info["n_tags"],
            "rejected files": info["rejected"],
            "manifest sha256": info["manifest_digest"],
            "split sha256": info["split_digest"],
            "tag list sha256": info["tags_digest"],
        },
        "Protocol": {
            "sweep": sweep.id,
            "preset": info["preset"],
            "windows": flat(contract["windows"]),
            "recipe": contract["recipe"],
            "perturbation seed": contract["perturbation_seed"],
            "bootstrap replicates": info["n_boot"],
            "resampled by": info.get("cluster", "artist"),
            "baseline of mCE": info["baseline"],
        },
        # More than one value means that the cells were made by different versions.
        "Software": {name: ", ".join(sorted(values)) for name, values in sorted(software.items())},
    }
