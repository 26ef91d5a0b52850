"""The cache gives back the very samples it was given, and never more than its share of the disk."""

from __future__ import annotations

import io
import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from benchmark.perturbations import CLEAN, perturb, resolve
from benchmark.predict import audio_cache
from benchmark.predict.audio_cache import AudioCache, CacheConfig, announce, opened, size_of
from datamodules.common.errors import TagbenchError
from tests.support.sounds import RATE, digest, music

(UP,) = resolve("pitch_up:3")
(SLOWER,) = resolve("time_slower:2")
(NOISE,) = resolve("white_noise:3")
SOUND = music(1.0)


def limits(folder: Path, most: int = 2**30) -> CacheConfig:
    found = CacheConfig(str(folder / "cache"), most)
    opened(found)
    return found


def files(folder: Path) -> list[Path]:
    return sorted((folder / "cache").glob("??/*.f32"))


@pytest.mark.parametrize("condition", [UP, SLOWER], ids=lambda c: c.label)
def test_what_is_read_back_is_what_is_computed(tmp_path: Path, condition: object) -> None:
    cache = AudioCache(limits(tmp_path))
    plain = perturb(SOUND, RATE, condition, seed=0, track_id="a")
    first = cache.perturb(SOUND, RATE, condition, seed=0, track_id="a")
    assert len(files(tmp_path)) == 1
    again = cache.perturb(SOUND, RATE, condition, seed=0, track_id="a")
    assert digest(first) == digest(again) == digest(plain)
    assert again.dtype == np.float32
    assert again.flags.writeable
    assert again.flags.c_contiguous


def test_reading_needs_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = AudioCache(limits(tmp_path))
    plain = cache.perturb(SOUND, RATE, UP, seed=0, track_id="a")

    def fail(*args: object, **kwargs: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(audio_cache, "perturb", fail)
    assert digest(cache.perturb(SOUND, RATE, UP, seed=0, track_id="a")) == digest(plain)


def test_every_part_of_the_key_counts(tmp_path: Path) -> None:
    cache = AudioCache(limits(tmp_path))
    louder = SOUND * np.float32(0.5)
    asked = [
        (SOUND, RATE, UP, 0, "a"), (louder, RATE, UP, 0, "a"), (SOUND, RATE // 2, UP, 0, "a"),
        (SOUND, RATE, replace(UP, level=2.0), 0, "a"), (SOUND, RATE, UP, 1, "a"),
        (SOUND, RATE, UP, 0, "b"), (SOUND, RATE, SLOWER, 0, "a"),
    ]  # fmt: skip
    for audio, rate, condition, seed, track in asked:
        heard = cache.perturb(audio, rate, condition, seed=seed, track_id=track)
        assert digest(heard) == digest(perturb(audio, rate, condition, seed=seed, track_id=track))
    assert len(files(tmp_path)) == len(asked)


def test_what_is_quick_to_compute_is_not_kept(tmp_path: Path) -> None:
    cache = AudioCache(limits(tmp_path))
    heard = cache.perturb(SOUND, RATE, NOISE, seed=0, track_id="a")
    assert digest(heard) == digest(perturb(SOUND, RATE, NOISE, seed=0, track_id="a"))
    assert cache.perturb(SOUND, RATE, CLEAN, seed=0, track_id="a") is SOUND
    assert cache.perturb(np.zeros(0, np.float32), RATE, UP, seed=0, track_id="a").size == 0
    assert not files(tmp_path)


@pytest.mark.parametrize(
    "damage", [lambda c: c[:-9], lambda c: b"", lambda c: c[:50] + b"x" + c[51:]]
)
def test_a_damaged_file_is_computed_anew(tmp_path: Path, damage: object) -> None:
    cache = AudioCache(limits(tmp_path))
    plain = cache.perturb(SOUND, RATE, UP, seed=0, track_id="a")
    (file,) = files(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert digest(cache.perturb(SOUND, RATE, UP, seed=0, track_id="a")) == digest(plain)
    assert file.read_bytes() == whole


def fill(limit: CacheConfig, tracks: list[str]) -> None:
    cache = AudioCache(limit)
    for track in tracks:
        cache.perturb(SOUND, RATE, UP, seed=0, track_id=track)


def test_the_cap_holds_for_all_processes_together(tmp_path: Path) -> None:
    size = 4 * SOUND.size
    limit = limits(tmp_path, 3 * size)
    context = multiprocessing.get_context("fork")
    tracks = [f"track {number}" for number in range(6)]
    both = [context.Process(target=fill, args=(limit, tracks[at:])) for at in (0, 2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
        assert process.exitcode == 0
    kept = sum(file.stat().st_size for file in files(tmp_path))
    assert 2 * size < kept <= limit.capacity
    assert not list((tmp_path / "cache").glob("??/*.part"))


def test_a_folder_that_cannot_be_written_costs_no_result(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    limit = CacheConfig(str(tmp_path / "cache"), 2**30)
    with pytest.raises(TagbenchError, match="--audio-cache"):
        opened(limit)
    heard = AudioCache(limit).perturb(SOUND, RATE, UP, seed=0, track_id="a")
    assert digest(heard) == digest(perturb(SOUND, RATE, UP, seed=0, track_id="a"))


def test_leftovers_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    limit = limits(tmp_path)
    fill(limit, ["a"])
    (file,) = files(tmp_path)
    dead = file.with_name(f"{file.name}.999999999.part")
    dead.write_bytes(b"half")
    (tmp_path / "cache" / "used").write_text("12345678901234")
    assert opened(limit) == file.stat().st_size
    assert not dead.exists()
    assert (tmp_path / "cache" / "used").read_text() == str(file.stat().st_size)


def test_the_size_is_announced(tmp_path: Path) -> None:
    wanted = size_of([CLEAN, UP, SLOWER, NOISE], [1000, 2000])
    assert wanted == 4 * (3000 + round(1000 / SLOWER.level) + round(2000 / SLOWER.level))
    shown = io.StringIO()
    announce(CacheConfig(str(tmp_path / "new"), 2**30), 2**29, Console(file=shown, width=300))
    assert "stores up to 0.50 GiB; 0.00 of 1.00 GiB are used" in shown.getvalue()
    assert "computed each time" not in shown.getvalue()
    announce(CacheConfig(str(tmp_path / "new"), 2**20), 2**29, Console(file=shown, width=300))
    assert "What does not fit is computed each time" in shown.getvalue()
