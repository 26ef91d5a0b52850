"""Weighted factorisation of play counts into one vector for each track.

The model is that of Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback
datasets" (ICDM 2008): a user prefers a track (1) if they have played it, and not (0) otherwise. The
confidence in a preference is ``1 + alpha * plays``, so 1 for a pair without plays. User vectors x
and track vectors y minimise the sum over all pairs of ``confidence * (preference - x . y)**2``,
plus ``regularisation`` times the squared norms. Alternating least squares solves the users for
fixed tracks, then the tracks for fixed users. Labels are not used.
"""

from __future__ import annotations

import logging

import numpy as np
import numpy.typing as npt

from datamodules.common.errors import TagbenchError
from datamodules.common.parameters import check_minimum
from datamodules.corpus.track import Float32
from datamodules.listening.plays import PlayTable

Float64 = npt.NDArray[np.float64]


def track_factors(
    table: PlayTable,
    *,
    factors: int = 200,
    alpha: float = 2.0,
    regularisation: float = 0.01,
    iterations: int = 15,
    seed: int = 0,
    threads: int = 1,
) -> tuple[tuple[str, ...], Float32]:
    """Return the tracks that have plays, and their vectors (T, factors).

    Computed in float64. Each system is solved exactly and by itself, so that the number of threads
    does not change the result.

    Args:
        table: Play counts.
        factors: Values of a vector.
        alpha: Weight of a play in the confidence.
        regularisation: Weight of the squared norms.
        iterations: Passes over users and tracks.
        seed: Seed of the initial vectors.
        threads: Threads that solve the systems; 0 for all cores.

    Raises:
        TagbenchError: A parameter is out of range.
    """
    users, tracks = solve(table, factors, alpha, regularisation, iterations, seed, threads)
    del users
    played = np.zeros(len(table.tracks), dtype=bool)
    played[table.track] = True
    ids = tuple(track_id for track_id, has in zip(table.tracks, played, strict=True) if has)
    return ids, tracks[played].astype(np.float32)


def solve(
    table: PlayTable,
    factors: int,
    alpha: float,
    regularisation: float,
    iterations: int,
    seed: int,
    threads: int,
) -> tuple[Float64, Float64]:
    """Return the vectors of the users (U, factors) and of the tracks (T, factors).

    For the arguments, see `track_factors`. The track vectors solve their systems for the user
    vectors that are returned.
    """
    check_minimum(1, factors=factors, iterations=iterations)
    check_minimum(0, threads=threads)
    if not (alpha > 0 and regularisation > 0):
        raise TagbenchError(
            f"alpha and regularisation must be above 0, got {alpha} and {regularisation}."
        )
    # Imported here: the library takes a second to import.
    from scipy.sparse import csr_matrix
    from threadpoolctl import threadpool_limits

    logging.getLogger("implicit").setLevel(logging.ERROR)
    with threadpool_limits(1, "blas"):  # the library asks for it, as its own threads call BLAS
        from implicit.cpu.als import AlternatingLeastSquares

        confidence = csr_matrix(
            (1.0 + alpha * table.plays, (table.user, table.track)),
            shape=(len(table.users), len(table.tracks)),
        )
        model = AlternatingLeastSquares(
            factors=factors,
            regularization=regularisation,
            alpha=1.0,
            dtype=np.float64,
            use_native=True,
            use_cg=False,
            iterations=iterations,
            num_threads=threads,
            random_state=seed,
        )
        model.fit(confidence, show_progress=False)
    return np.asarray(model.user_factors), np.asarray(model.item_factors)
