"""Output of ``tagbench prepare --check``."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from benchmark.config.datasets import ResolvedDataset
from benchmark.run.options import Options
from benchmark.run.progress_bar import ProgressBar
from datamodules.corpus.audit import Finding, audit

_NAMED = 5  # track ids shown per row


def check(dataset: ResolvedDataset, options: Options, console: Console) -> bool:
    """Audit a prepared dataset and print the findings.

    Returns:
        True if the audit found no error; warnings are allowed.
    """
    module = dataset.module(options.data_root)
    corpus = module.corpus
    findings = audit(corpus, module.expected, ProgressBar(console))
    counts = ", ".join(f"{n:,} {split}" for split, n in corpus.info["splits"].items())
    console.print(
        f"[bold]{dataset.name}[/]: {counts} tracks, {corpus.info['seconds'] / 3600:.1f} h, "
        f"{corpus.info['rejected']:,} rejected, split digest {corpus.split_digest[:16]}",
        highlight=False,
    )
    if findings:
        console.print(_table(findings))
        console.print(f"Findings by track: {corpus.root / 'audit.csv'}", highlight=False)
    errors = sum(finding.is_error for finding in findings)
    verdict = f"[red]{errors} errors[/]" if errors else "[green]no error[/]"
    console.print(f"{verdict}, {len(findings) - errors} warnings", highlight=False)
    return not errors


def _table(findings: list[Finding]) -> Table:
    table = Table("check", "severity", "split", "finding", "tracks")
    for finding in findings:
        named = ", ".join(finding.track_ids[:_NAMED])
        more = len(finding.track_ids) - _NAMED
        severity = "[red]error[/]" if finding.is_error else "warning"
        tracks = f"{named} and {more:,} more" if more > 0 else named
        table.add_row(finding.kind, severity, finding.split, finding.text, tracks)
    return table
