"""Audio examples of the report: one short clip under every condition.

They are written only for datasets whose licence allows redistribution (``playable`` of their
class), because a report may be passed on.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.perturbations import CLEAN, Condition, catalogue, perturb
from benchmark.report.sections.audio import CLIPS
from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import replace_file
from datamodules.common.seeding import seed_for
from datamodules.corpus.corpus import Corpus

SECONDS = 5.0
MOST_BYTES = 32_000
"""Maximum size of one clip."""

FULL_SCALE = 0.95
"""Peak of the loudest clip. All clips have the same gain, so that they can be compared."""

_COMPRESSION = (0.85, 0.9, 0.95)  # of constant bit rates, highest rate first


def example_track(track_ids: Sequence[str]) -> str:
    """Return the id of the track to render; it depends on the set of ids alone."""
    return min(track_ids, key=lambda track: (seed_for("players", track), track))


def render(
    corpus: Corpus, conditions: Iterable[Condition], folder: Path, *, seed: int, licence: str
) -> Path:
    """Write a clip for each condition and a record of them, unless they are up to date.

    Args:
        corpus: Prepared corpus; one track of its test split is rendered.
        conditions: Conditions to render; clean audio is added.
        folder: ``results/<dataset>/audio``; clips of other conditions are removed from it.
        seed: Seed of the perturbations, the same as in the evaluation.
        licence: Licence, which the report states beside the players.

    Returns:
        Path of the record.

    Raises:
        TagbenchError: The test split is empty.
    """
    test = corpus.split("test")
    if not len(test):
        raise TagbenchError(f"No clip can be rendered: {corpus.root} has no test track.")
    track = example_track([str(name) for name in test["track_id"]])
    wanted = list(dict.fromkeys((CLEAN, *conditions)))
    engines = {step.perturbation for condition in wanted for step in condition.steps}
    made_of = {
        "manifest": corpus.manifest_digest, "seed": seed, "seconds": SECONDS, "licence": licence,
        "conditions": [condition.labels() for condition in wanted],
        "sound": {name: catalogue()[name].identity() for name in sorted(engines)},
    }  # fmt: skip
    record = folder / CLIPS
    if _is_current(record, made_of):
        return record
    row = int(test.index[test["track_id"] == track][0])
    audio, rate = corpus.audio(row), corpus.sample_rate
    # From one third of the track, because openings are often silent.
    start = max(0.0, min(audio.size / rate / 3, audio.size / rate - SECONDS))
    examples = [_clip(audio, rate, start, condition, seed, track) for condition in wanted]
    peak = max(float(np.abs(clip).max(initial=0.0)) for clip in examples)
    gain = min(1.0, FULL_SCALE / peak) if peak > 0 else 1.0
    content = {
        "track_id": track,
        "start_s": round(start, 3),
        "seconds": SECONDS,
        "gain_db": round(20.0 * float(np.log10(gain)), 2),
        "licence": licence,
        "made_of": made_of,
        "clips": _write_clips(wanted, [clip * np.float32(gain) for clip in examples], rate, folder),
    }
    replace_file(record, (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())
    return record


def _is_current(record: Path, made_of: Mapping[str, Any]) -> bool:
    """Return whether the clips of a record exist and were made from the same input."""
    if not record.is_file():
        return False
    content = json.loads(record.read_text(encoding="utf-8"))
    files = [record.with_name(clip["file"]) for clip in content["clips"]]
    return bool(content["made_of"] == made_of) and all(file.is_file() for file in files)


def _write_clips(
    conditions: Sequence[Condition], clips: Sequence[NDArray[np.float32]], rate: int, folder: Path
) -> list[dict[str, Any]]:
    """Write one MP3 file for each condition, remove others, and return labels with file names."""
    folder.mkdir(parents=True, exist_ok=True)
    entries: list[dict[str, Any]] = []
    for condition, clip in zip(conditions, clips, strict=True):
        name = f"{condition.label.replace(':', '_').replace('>', '_')}.mp3"
        replace_file(folder / name, encode(clip, rate))
        entries.append({**condition.labels(), "file": name})
    _clear(folder, {entry["file"] for entry in entries})
    return entries


def remove(folder: Path) -> None:
    """Remove the clips of an earlier run."""
    if folder.is_dir():
        _clear(folder, set())
        (folder / CLIPS).unlink(missing_ok=True)


def _clear(folder: Path, keep: set[str]) -> None:
    for path in sorted(folder.glob("*.mp3")):
        if path.name not in keep:
            path.unlink()


def _clip(
    audio: NDArray[np.float32], rate: int, start: float, condition: Condition, seed: int, track: str
) -> NDArray[np.float32]:
    """Return the clip of the perturbed track that starts at the same moment of the music."""
    whole = perturb(audio, rate, condition, seed=seed, track_id=track)
    first = round(start * rate * whole.size / audio.size)
    return whole[first : first + round(SECONDS * rate)]


def encode(clip: NDArray[np.float32], rate: int) -> bytes:
    """Return a mono clip as MP3, which every browser plays, within :data:`MOST_BYTES`.

    Vorbis is not used, because a Vorbis stream has a random serial number, and the same clip must
    give the same bytes.
    """
    import soundfile

    content = b""
    for compression in _COMPRESSION:
        buffer = io.BytesIO()
        soundfile.write(
            buffer,
            clip,
            rate,
            format="MP3",
            subtype="MPEG_LAYER_III",
            bitrate_mode="CONSTANT",
            compression_level=compression,
        )
        content = buffer.getvalue()
        if len(content) <= MOST_BYTES:
            break
    return content
