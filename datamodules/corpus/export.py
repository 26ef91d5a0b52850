"""Export of a prepared corpus as a JSONL manifest and audio files for other programs."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import numpy as np
import soundfile as sf

from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.common.filesystem import replace_file
from datamodules.common.progress import Progress, Silent
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import COLUMNS, Float32

_ALWAYS = ("source", "samples", "source_sha256", "audio_sha256")
_IF_KNOWN = ("artist", "album", "song")
# Characters with a special meaning on some file system, and dots at the start of a name, which
# hide a file or name the parent folder.
_UNSAFE = re.compile(r'[\x00-\x1f\\:*?"<>|%]|(?:^|(?<=/))[./]|/$')
_FULL_SCALE = 1 - 2**-15


def export(
    corpus: Corpus,
    out: Path,
    *,
    audio: Path | None = None,
    format_: str = "flac",
    progress: Progress | None = None,
) -> None:
    """Write a corpus as JSONL (`datamodules.annotations.manifest_jsonl`), ordered by track id.

    Each line has the fields ``path``, ``tags``, ``split`` and ``track_id``, which a reader needs;
    ``artist``, ``album`` and ``song`` where they are known; ``source`` (path below the audio of
    the dataset); ``sample_rate`` and ``samples`` of the prepared audio; ``source_sha256``;
    ``audio_sha256`` (of the int16 samples in the corpus); and the extra columns of the dataset.

    Without ``audio``, ``path`` is the path of the source, and the manifest belongs in the folder of
    the dataset's audio. With ``audio``, it is the path of the prepared mono audio, relative to the
    folder of ``out``.

    Args:
        corpus: A prepared corpus.
        out: The manifest to write.
        audio: Folder for the audio, in or below the folder of the manifest.
        format_: ``"flac"``: 16 bits, where a track with a peak above full scale is attenuated to
            full scale; or ``"npy"``: float32.
        progress: Receives the progress.

    Raises:
        TagbenchError: If ``audio`` is elsewhere, the format is unknown or a file cannot be written.
    """
    if format_ not in _WRITERS:
        raise unknown_name("format", format_, _WRITERS, "--format")
    below = _below(audio, out) if audio else PurePosixPath()
    reporter = progress or Silent()
    reporter.start(len(corpus), title="export")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        lines = [
            json.dumps(line, ensure_ascii=False)
            for line in _lines(corpus, audio, below, format_, reporter)
        ]
        replace_file(out, "".join(f"{line}\n" for line in lines).encode())
    except OSError as error:
        raise TagbenchError(
            f"{out} and its audio could not be written: {error}. Free some space, or choose "
            "another folder with --out."
        ) from error
    finally:
        reporter.finish()


def _lines(
    corpus: Corpus, audio: Path | None, below: PurePosixPath, format_: str, progress: Progress
) -> Iterator[dict[str, object]]:
    """Write the audio of each track if ``audio`` is given, and yield the lines of the manifest."""
    for row, facts in enumerate(corpus.frame.to_dict("records")):
        path = str(facts["source"])
        if audio:
            name = f"{file_name(str(facts['track_id']))}.{format_}"
            _write(audio / name, _WRITERS[format_](corpus.audio(row), corpus.sample_rate))
            path = str(below / name)
        yield _line(facts, path, corpus.sample_rate)
        progress.advance()


def file_name(track_id: str) -> str:
    """Return the name of the audio file of a track, which is unique among track ids.

    Args:
        track_id: Id of the track; ``/`` separates folders, and unsafe characters are written in
            percent-encoding.
    """
    return _UNSAFE.sub(lambda match: _escaped(match[0]), track_id)


def _escaped(character: str) -> str:
    return "%2E" if character == "." else quote(character, safe="")


def _line(facts: Mapping[Any, Any], path: str, sample_rate: int) -> dict[str, object]:
    known_fields = {key: facts[key] for key in _IF_KNOWN if facts[key]}
    extra = {key: value for key, value in facts.items() if key not in COLUMNS and _is_known(value)}
    return {
        "path": path, "tags": list(facts["tags"]), "split": facts["split"],
        "track_id": facts["track_id"], **known_fields, "sample_rate": sample_rate,
        **{key: facts[key] for key in _ALWAYS}, **extra,
    }  # fmt: skip


def _is_known(value: object) -> bool:
    """Return whether a value of a column is present, that is, neither None nor NaN."""
    return value is not None and value == value


def _below(audio: Path, out: Path) -> PurePosixPath:
    try:
        below = audio.resolve().relative_to(out.parent.resolve())
    except ValueError:
        raise TagbenchError(
            f"--audio {audio} is not below {out.parent}, the folder of the manifest, which states "
            f"relative paths. Choose a folder below it, such as --audio {out.parent / 'audio'}."
        ) from None
    return PurePosixPath(below.as_posix())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)


def _flac(audio: Float32, sample_rate: int) -> bytes:
    peak = float(np.abs(audio).max())
    attenuated = audio * np.float32(_FULL_SCALE / peak) if peak > _FULL_SCALE else audio
    buffer = io.BytesIO()
    sf.write(buffer, attenuated, sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def _npy(audio: Float32, _: int) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, audio, allow_pickle=False)
    return buffer.getvalue()


_WRITERS: dict[str, Callable[[Float32, int], bytes]] = {"flac": _flac, "npy": _npy}
