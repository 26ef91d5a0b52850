"""The command listening-vectors: vectors of tracks from play counts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import console as _console
from benchmark.cli.options import writing_to


def listening_vectors(
    plays: Annotated[
        Path, typer.Argument(help="CSV or Parquet file with the columns user, track_id and plays.")
    ],
    out: Annotated[
        Path, typer.Option(help="File to write: .parquet or .npz with one vector for each track.")
    ] = Path("listening.parquet"),
    factors: Annotated[int, typer.Option(min=1, help="Number of values of a vector.")] = 200,
    alpha: Annotated[
        float, typer.Option(help="Weight of a play: the confidence is 1 + alpha * plays.")
    ] = 2.0,
    regularisation: Annotated[float, typer.Option(help="Weight of the squared norms.")] = 0.01,
    iterations: Annotated[int, typer.Option(min=1, help="Passes over users and tracks.")] = 15,
    seed: Annotated[int, typer.Option(help="Seed of the initial vectors.")] = 0,
    threads: Annotated[
        int, typer.Option(min=0, help="Number of threads; 0 for all cores. No effect on values.")
    ] = 0,
) -> None:
    """Factorise play counts into a vector for each track, an input of the mood models.

    Labels are not used. The counts of all tracks are factorised together, those of test tracks
    among them.
    """
    from datamodules.listening.factorise import track_factors
    from datamodules.listening.plays import read_plays
    from datamodules.views.vector_file import check_suffix, write_vectors

    check_suffix(out)
    table = read_plays(plays)
    with _console().status("factorise"):
        ids, vectors = track_factors(
            table, factors=factors, alpha=alpha, regularisation=regularisation,
            iterations=iterations, seed=seed, threads=threads,
        )  # fmt: skip
    with writing_to(out, "--out"):
        write_vectors(out, ids, vectors)
    kept = set(ids)
    silent = [track_id for track_id in table.tracks if track_id not in kept]
    console = _console()
    if silent:
        console.print(
            f"{len(silent)} of {len(table.tracks)} tracks have no plays and no vector, such as "
            f"{', '.join(silent[:3])}.",
            highlight=False,
        )
    console.print(
        f"{out}: {len(ids)} tracks, {factors} values, from {len(table.plays):,} pairs of "
        f"{len(table.users):,} users and their tracks.",
        highlight=False,
    )
