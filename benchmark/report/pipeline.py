"""Compute tables and report from stored predictions, without audio and torch."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmark.config.compared_tags import ComparedTags
from benchmark.experiment_files import flat
from benchmark.report.terminal import render_consistency, render_leaderboard, show_compared
from benchmark.score.pipeline import inputs_digest, tables_of
from benchmark.store import run_record
from benchmark.store.files import file_sha256
from benchmark.store.outputs import outputs_are_current, record_outputs
from benchmark.store.results import DatasetResults
from benchmark.store.store import Store
from benchmark.store.tables import Tables, are_current, read_tables, write_tables


def write_results(
    record: run_record.RunRecord,
    store: Store,
    console: Console,
    *,
    report: bool = True,
    again: bool = True,
) -> Tables:
    """Write the CSVs and the report of a dataset and print its leaderboard.

    Args:
        record: Record of the dataset.
        store: Results folder that contains its predictions.
        console: Console that the leaderboard is printed to.
        report: Whether to render the HTML report too.
        again: Whether to compute everything again. Otherwise tables and report are kept if their
            inputs and the files themselves are unchanged since they were written.
    """
    folder = run_record.folder(record.dataset, store)
    inputs = inputs_digest(record, store)
    if not again and are_current(folder, inputs):
        tables = read_tables(folder)
    else:
        tables = tables_of(record, store)
        write_tables(tables, folder, inputs)
    console.print(
        render_leaderboard(tables)
        if tables.leaderboard["rank"].notna().any() or tables.consistency.empty
        else render_consistency(tables.consistency, tables.dataset)  # no labels
    )
    show_compared(record.dataset, ComparedTags.from_info(record.info), console)
    console.print(f"Tables:  {folder}/{', '.join(tables.frames())}")
    if report:
        console.print(f"Report:  {_write_report(record, store, tables, inputs, again)}")
    return tables


def _write_report(
    record: run_record.RunRecord, store: Store, tables: Tables, inputs: str, again: bool
) -> Path:
    """Render the report unless it is current, and return the path of its page."""
    folder = run_record.folder(record.dataset, store)
    page, index = folder / "report" / "index.html", folder / "report" / "files.json"
    clips = sorted(path for path in (folder / "audio").glob("*") if path.is_file())
    parts = [inputs, *(f"{path.name} {file_sha256(path)}" for path in clips)]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    if not again and page.is_file() and outputs_are_current(index, digest):
        return page
    # Imports matplotlib, which takes seconds.
    from benchmark.report.html import write_report

    bibtex = list(record.info.get("bibtex", {}).values())
    page = write_report(tables, folder, provenance_of(record, store), bibtex)
    written = [path for path in page.parent.rglob("*") if path.is_file() and path != index]
    record_outputs(index, digest, written)
    return page


def provenance_of(record: run_record.RunRecord, store: Store) -> dict[str, Any]:
    """Return the provenance that the report states."""
    info = record.info
    provenance = DatasetResults(record, store).provenance
    software = {name: ", ".join(values) for name, values in provenance.software.items()}
    if provenance.versions and provenance.versions != (provenance.renderer,):
        software["tagbench (tables and report)"] = provenance.renderer
    samples = {"samples sha256": provenance.samples_digest} if provenance.samples_digest else {}
    contract = provenance.contract
    return {
        "Data": {
            "dataset": record.dataset,
            **{f"{split} tracks": count for split, count in info["n_tracks"].items()},
            "tags": info["n_tags"],
            "rejected files": info["rejected"],
            "manifest sha256": info["manifest_digest"],
            **samples,
            "split sha256": info["split_digest"],
            "tag list sha256": info["tags_digest"],
        },
        "Protocol": {
            "sweep": record.id,
            "preset": info["preset"],
            "windows": flat(contract["windows"]),
            "recipe": contract["recipe"],
            "perturbation seed": contract["perturbation_seed"],
            "bootstrap replicates": info["n_boot"],
            "resampled by": info.get("cluster", "artist"),
            "baseline of mCE": info["baseline"],
        },
        # More than one value means that the cells were made by different versions.
        "Software": software,
    }
