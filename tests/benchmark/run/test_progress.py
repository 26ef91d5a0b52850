"""Lines of the progress display."""

from __future__ import annotations

import io

from rich.console import Console

from benchmark.run.progress import Display


def test_names_of_variants_keep_their_brackets():
    console = Console(file=io.StringIO(), width=200)
    display = Display(console, {"a": 1.0, "b": 1.0})
    display.progress(
        "train fma_svm[sets=mfcc]",
        {"cell": "a", "done": 1, "total": 2, "text": "epoch [/1]"},
    )
    display.cell("a", "synth fma_svm[sets=mfcc] seed 0")
    display.cell("b", "synth fma_knn[sets=zcr]: expected [/a]", failed=True)
    lines = console.file.getvalue()  # type: ignore[attr-defined]
    assert "done synth fma_svm[sets=mfcc] seed 0" in lines
    assert "failed synth fma_knn[sets=zcr]: expected [/a]" in lines
