"""The leaderboard as a table in the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from benchmark.report.terminal import render_leaderboard
from tests.support.scored import only_row


def test_terminal_table_fits_a_hundred_columns(three_models):
    _, tables = three_models
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(render_leaderboard(tables))
    lines = console.export_text().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 100
    fcn = next(line for line in lines if "fcn" in line)
    board = only_row(tables.leaderboard, model="fcn")
    low, high = board["roc_auc_low"], board["roc_auc_high"]
    assert f"{board['roc_auc']:.3f} [{low:.3f}, {high:.3f}]" in fcn
    assert f"{board['white_noise_drop']:.3f}" in fcn
    assert any("crnn" in line and "no clean evaluation" in line for line in lines)


def test_a_long_name_continues_on_the_next_line(three_models):
    _, tables = three_models
    long = "short_chunk_cnn_res+dynamic_range_compression"
    board = tables.leaderboard.replace({"model": {"fcn": long}})
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(render_leaderboard(tables.with_frames(leaderboard=board)))
    lines = console.export_text().splitlines()
    start = next(line.index("model") for line in lines if line.startswith("rank"))
    assert long in "".join(line[start : start + 25].strip() for line in lines)
