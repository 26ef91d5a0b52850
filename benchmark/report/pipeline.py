"""From stored predictions to tables and report: no audio, no torch, no forward pass."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmark.config.files import flat
from benchmark.report.html import write_report
from benchmark.score.consistency import render_consistency
from benchmark.score.tables.effects import effects_frame
from benchmark.score.tables.leaderboard import build_tables, render_leaderboard, write_tables
from benchmark.score.tables.verify import verify_tables
from benchmark.score.tag_groups import TagFacts
from benchmark.store import run_record as sweeps
from benchmark.store.predictions import Tables
from benchmark.store.store import Store


def tables_of(sweep: sweeps.RunRecord, store: Store) -> Tables:
    """Compute the tables of a sweep from its predictions and what was measured beside them."""
    evaluations = sweeps.evaluations(sweep, store)
    tables = build_tables(
        evaluations,
        sweeps.failures(sweep, store),
        n_boot=sweep.n_boot,
        baseline=sweep.info["baseline"],
        # A record of an older version has none.
        training_counts=sweep.info.get("training_counts"),
        facts=TagFacts(
            sweep.info.get("unstable_tags", {}),
            sweep.info.get("tag_categories", {}),
        ),
        clusters=sweep.info.get("clusters"),
    )
    return replace(tables, effects=effects_frame(evaluations))


def score(
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


def report_failures(records: Sequence[sweeps.RunRecord], store: Store, console: Console) -> int:
    """Print a table of what failed.

    Returns:
        The exit code: 1 when anything failed.
    """
    failed = [failure for record in records for failure in sweeps.failures(record, store)]
    if not failed:
        return 0
    table = Table(title=f"{len(failed)} failed cells", title_style="bold red")
    for heading in ("model", "seed", "condition", "stage", "error"):
        table.add_column(heading)
    for failure in failed:
        condition = failure.perturbation
        if failure.level:
            condition += f" {failure.level:g}"
        table.add_row(
            failure.model, str(failure.seed), condition, failure.stage, failure.error[:200]
        )
    console.print(table)
    console.print(
        f"Tracebacks: {store.cells}/<cell>/failed.json. The same command again retries only these."
    )
    return 1


def status_table(store: Store, names: Sequence[str]) -> Table:
    """Return what is done, failed and missing, a row per model of each dataset."""
    table = Table()
    for heading in ("dataset", "preset", "model", "trained", "evaluated", "failed"):
        table.add_column(heading)
    for name in names:
        sweep = sweeps.load(name, store)
        models: dict[str, dict[str, list[str]]] = {}
        for cell in sweep.cells:
            kinds = models.setdefault(cell["labels"]["model"], {"train": [], "evaluation": []})
            kinds[cell["kind"]].append(store.state(cell["id"]))
        for model, kinds in models.items():
            every = [*kinds["train"], *kinds["evaluation"]]
            table.add_row(
                name,
                str(sweep.info["preset"]),
                model,
                _fraction(kinds["train"]),
                _fraction(kinds["evaluation"]),
                str(every.count("failed")),
            )
    return table


def _fraction(states: Sequence[str]) -> str:
    return f"{states.count('done')}/{len(states)}"


def verify(sweep: sweeps.RunRecord, store: Store, console: Console) -> bool:
    """Recompute every row of a dataset from its stored predictions and compare.

    Returns:
        Whether everything agrees.
    """
    folder = sweeps.folder(sweep.dataset, store)
    broken = damaged(sweep, store)
    for title, path in broken.items():
        console.print(f"[red]{title}[/]: its files do not match the digests in {path}/metrics.json")
    differences = verify_tables(folder, tables_of(sweep, store))
    for item in differences[:20]:
        console.print(
            f"[red]{item.file}[/], {item.row}, {item.column}: stored {item.stored}, "
            f"recomputed {item.recomputed}",
            highlight=False,
        )
    if len(differences) > 20:
        console.print(f"... and {len(differences) - 20} more")
    if broken or differences:
        console.print(
            f"{sweep.dataset}: {len(differences)} differences, {len(broken)} damaged cells. "
            "Run the benchmark again to mend the cells, then: tagbench leaderboard"
        )
        return False
    console.print(f"{sweep.dataset}: every row is confirmed by the stored predictions.")
    return True


def damaged(sweep: sweeps.RunRecord, store: Store) -> Mapping[str, Path]:
    """Return finished cells whose files no longer match their digests: {title: folder}."""
    found = {}
    for cell in sweep.cells:
        folder = store.folder(cell["id"])
        if (folder / "metrics.json").is_file() and store.state(cell["id"]) != "done":
            found[f"{cell['kind']} {cell['id']}"] = folder
    return found
