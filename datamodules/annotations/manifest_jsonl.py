"""The JSONL manifest: one JSON object a line for each track, UTF-8. ``tagbench export`` writes it.

==================  ==============================================================================
``path``            Audio file, relative to the manifest. Needed. Also called ``audio_path``.
``tags``            List of strings, or one string. Needed. Also called ``label``, as in MARBLE.
``split``           ``train``, ``valid`` or ``test``, on every line or on none.
``track_id``        What the track is known by; by default its path.
``artist``          What must not be shared by two splits, likewise ``album`` and ``song``.
``sample_rate``     Of a ``.npy`` file in Hz, 16000 by default; other files say it themselves.
==================  ==============================================================================

What a preparation finds out anew (samples, checksums) is passed over. Other keys are kept as
columns of the prepared manifest if they hold text or a number, and passed over otherwise, unless
they look like a misspelt one of the above.
"""

from __future__ import annotations

import difflib
import json
import math
from pathlib import Path
from typing import Any

from datamodules.annotations.tags_csv import Row, checked, make_row, read_text
from datamodules.audio.npy_waveform import RATE
from datamodules.common.errors import TagbenchError
from datamodules.corpus.track import COLUMNS

MANIFEST = "manifest.jsonl"
EXAMPLE = """{"path": "one.mp3", "tags": ["guitar", "slow"], "split": "train", "artist": "Ann"}
{"path": "live/two.flac", "tags": ["piano"], "split": "test", "artist": "Ben"}"""
_ALIASES = {"audio_path": "path", "label": "tags"}
_TEXTS = ("split", "track_id", "artist", "album", "song")
_KEYS = ("path", "tags", *_TEXTS, "sample_rate")
_ALIKE = 0.8


def read_jsonl(table: Path, *, single: bool) -> tuple[Row, ...]:
    """Read and check a manifest.

    Args:
        table: The file.
        single: Whether each track needs exactly one tag.

    Returns:
        The rows by path.

    Raises:
        TagbenchError: With the line and the remedy.
    """
    rows: dict[str, Row] = {}
    seen: dict[str, int] = {}
    for number, line in enumerate(read_text(table).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{table}, line {number}"
        row = _row(_object(line, where), where, single=single)
        for kind, name in (("path", row.path), ("track_id", row.name)):
            if (first := seen.setdefault(f"{kind} {name}", number)) != number:
                raise TagbenchError(
                    f"{where}: the {kind} {name!r} is there already, in line {first}. Write one "
                    "line for each track, with all its tags."
                )
        rows[row.path] = row
    if not rows:
        raise TagbenchError(f"{table} is empty. Example:\n{EXAMPLE}")
    return checked(rows.values(), table, EXAMPLE)


def _object(line: str, where: str) -> dict[str, Any]:
    """Parse a line and give each key its own name."""
    try:
        pairs = json.loads(line, object_pairs_hook=list)
    except ValueError as error:
        raise TagbenchError(f"{where}: not JSON ({error}). Example:\n{EXAMPLE}") from None
    if not line.lstrip().startswith("{"):
        raise TagbenchError(
            f"{where}: expected one JSON object a line, not a list or a value. Example:\n{EXAMPLE}"
        )
    found: dict[str, Any] = {}
    for key, value in pairs:
        name = _ALIASES.get(key, key)
        if name in found:
            raise TagbenchError(f"{where}: {name!r} is given twice.")
        if name not in (*_KEYS, *COLUMNS):
            near = difflib.get_close_matches(name, (*_KEYS, *_ALIASES), n=1, cutoff=_ALIKE)
            if near:
                raise TagbenchError(
                    f"{where}: unknown key {name!r}. Did you mean {near[0]!r}? Known: "
                    f"{', '.join(_KEYS)}. A column of your own needs a name less alike."
                )
        found[name] = value
    for name in ("path", "tags"):
        if name not in found:
            raise TagbenchError(f"{where}: no {name!r}. Example:\n{EXAMPLE}")
    return found


def _row(found: dict[str, Any], where: str, *, single: bool) -> Row:
    path, tags = found["path"], found["tags"]
    if isinstance(tags, str):
        tags = [tags]
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise TagbenchError(f"{where}: tags must be a list of strings, found {_shown(tags)}.")
    rate = found.get("sample_rate", RATE)
    if not isinstance(rate, int) or isinstance(rate, bool) or rate < 1:
        raise TagbenchError(f"{where}: sample_rate must be in whole Hz, found {_shown(rate)}.")
    texts = {"path": path, **{name: found.get(name) or "" for name in _TEXTS}}
    for name, text in texts.items():
        if not isinstance(text, str):
            raise TagbenchError(f"{where}: {name} must be a string, found {_shown(text)}.")
    extra = {
        key: value
        for key, value in found.items()
        if key not in (*_KEYS, *COLUMNS) and _is_scalar(value)
    }
    more = {name: texts[name].strip() for name in _TEXTS[1:]}
    if path.lower().endswith(".npy"):
        more["rate"] = rate
    return make_row(path, tags, texts["split"], where, single=single, extra=extra, **more)


def _is_scalar(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, str | int) and not isinstance(value, bool)


def _shown(value: object) -> str:
    return json.dumps(value)[:60]
