from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodules.common.errors import TagbenchError
from datamodules.loaders.windowing import Windowing, cut, train_start, window_starts

TILED, WON, CLMR = Windowing(), Windowing("won2020"), Windowing("clmr")
MUSICNN = Windowing("musicnn")
MTAT = 465_984
GOLDEN = [286630, 200890, 3944]


@pytest.mark.parametrize(
    ("samples", "window", "windowing", "expected"),
    [
        (100, 25, TILED, [0, 25, 50, 75]),
        (101, 25, TILED, [0, 25, 50, 75, 76]),
        (99, 25, TILED, [0, 25, 50, 74]),
        (25, 25, TILED, [0]),
        (26, 25, TILED, [0, 1]),
        (24, 25, TILED, [0]),
        (1, 25, TILED, [0]),
        (MTAT, 59049, TILED, [*range(0, 59049 * 7, 59049), MTAT - 59049]),
        (MTAT, 59049, WON, [25433 * i for i in range(16)]),
        (MTAT, 80000, WON, [24124 * i for i in range(16)]),
        (41, 25, WON, list(range(16))),
        (40, 25, WON, [0] * 16),
        (10, 25, WON, [0] * 16),
        (3 * 25, 25, CLMR, [0, 25]),  # the last window is dropped, even if it is complete
        (3 * 25 + 1, 25, CLMR, [0, 25, 50]),
        (26, 25, CLMR, [0]),
        (25, 25, CLMR, [0]),  # the reference has no window of such a track
        (10, 25, CLMR, [0]),
        # Frames 0 to 186 and 187 to 373; one sample less, and frame 373 would not be there.
        (95_488, 48_128, MUSICNN, [-256, 47_616]),
        (95_487, 48_128, MUSICNN, [-256]),
        (10, 48_128, MUSICNN, [-256]),
        (1000, 10, Windowing(max_windows=3), [0, 500, 990]),  # 99 / 2 rounds to the even 50
        (1000, 10, Windowing(max_windows=100), [10 * i for i in range(100)]),
        (1010, 10, Windowing(max_windows=1), [500]),
        (MTAT, 59049, Windowing("won2020", 4), [25433 * i for i in (0, 5, 10, 15)]),
        (100, 25, Windowing(max_windows=9), [0, 25, 50, 75]),
    ],
)
def test_starts_are_those_of_the_rule(
    samples: int, window: int, windowing: Windowing, expected: list[int]
) -> None:
    starts = window_starts(samples, window, windowing)
    assert starts.dtype == np.int64
    assert starts.tolist() == expected


def test_won2020_is_the_code_of_the_paper() -> None:
    """Won et al. 2020, ``solver.py``: hop = (len(raw) - input_length) // batch_size."""
    for samples in (59049 + 16, 200_000, MTAT, 480_043):
        hop = (samples - 59049) // 16
        raw = np.arange(samples, dtype=np.float32)
        theirs = np.stack([raw[i * hop : i * hop + 59049] for i in range(16)])
        np.testing.assert_array_equal(cut(raw, window_starts(samples, 59049, WON), 59049), theirs)


@given(samples=st.integers(1, 5000), window=st.integers(1, 600))
def test_tiles_cover_every_sample(samples: int, window: int) -> None:
    starts = window_starts(samples, window, TILED)
    covered = np.zeros(max(samples, window), dtype=int)
    for start in starts:
        covered[start : start + window] += 1
    assert covered.min() == 1
    assert len(starts) == -(-max(samples, window) // window)


def test_short_tracks_are_repeated() -> None:
    audio = np.array([1, 2, 3], dtype=np.float32)
    np.testing.assert_array_equal(cut(audio, [0], 8), [[1, 2, 3, 1, 2, 3, 1, 2]])
    assert cut(audio, [0, 0], 3).shape == (2, 3)
    assert cut(audio, [0], 8).dtype == np.float32


def test_half_a_frame_beyond_the_track_is_zeros() -> None:
    audio = np.arange(1, 1001, dtype=np.float32)
    first, last = cut(audio, [-256, 656], 600)
    np.testing.assert_array_equal(first, np.r_[np.zeros(256), audio[:344]])
    np.testing.assert_array_equal(last, np.r_[audio[656:], np.zeros(256)])


def test_windows_are_copies() -> None:
    audio = np.zeros(10, dtype=np.float32)
    cut(audio, [0], 10)[:] = 1
    assert not audio.any()


@pytest.mark.parametrize("starts", [[-1], [6], [0, 7]])
def test_windows_beyond_the_track_are_refused(starts: list[int]) -> None:
    with pytest.raises(TagbenchError, match="do not fit into a track of 10 samples"):
        cut(np.zeros(10, dtype=np.float32), starts, 5)


def test_training_starts_are_a_function_of_their_key() -> None:
    assert train_start(MTAT, 59049, 0, 0, "a") == train_start(MTAT, 59049, 0, 0, "a")
    keys = [(seed, epoch, track) for seed in (0, 1) for epoch in (0, 1) for track in ("a", "b")]
    assert len({train_start(MTAT, 59049, *key) for key in keys}) == 8
    # Golden: another value here would silently change every training.
    assert [train_start(MTAT, 59049, 0, epoch, "track_1") for epoch in range(3)] == GOLDEN


def test_training_starts_are_uniform() -> None:
    starts = [train_start(109, 100, 3, epoch, str(track)) for epoch in range(20)
              for track in range(500)]  # fmt: skip
    counts = np.bincount(starts, minlength=10)
    assert len(counts) == 10
    # 10,000 draws: chi-square with 9 degrees of freedom, 27.9 at one in a thousand.
    assert ((counts - 1000) ** 2 / 1000).sum() < 27.9
    assert train_start(100, 100, 0, 0, "x") == 0
    assert train_start(50, 100, 0, 0, "x") == 0


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(TagbenchError, match="Did you mean 'tiled'"):
        Windowing("tilde")  # type: ignore[arg-type]
    with pytest.raises(TagbenchError, match="at least 1, got 0"):
        Windowing(max_windows=0)
    with pytest.raises(TagbenchError, match="A track of 0 samples"):
        window_starts(0, 10, TILED)
