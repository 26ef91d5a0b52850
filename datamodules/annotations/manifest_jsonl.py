"""Reader of the JSONL manifest: UTF-8 text with one JSON object per line, one line per track.

``tagbench export`` writes it.

==================  ==============================================================================
``path``            Required. Audio file, relative to the manifest; ``audio_path`` is an alias.
``tags``            Required. List of strings, or one string; ``label`` is an alias (MARBLE).
``split``           ``train``, ``valid`` or ``test``, on every line or on none.
``track_id``        Identifier of the track; by default its path.
``artist``          Group that two splits must not share, likewise ``album`` and ``song``.
``sample_rate``     Sample rate of a ``.npy`` file in Hz; by default 16000. Other files ignore it.
==================  ==============================================================================

Each string of a list is one tag. A single string is parsed like a cell of ``tags.csv``, see
`datamodules.annotations.tag_notation`. Fields that a preparation measures (samples, checksums) are
ignored. Other keys are kept as columns of the prepared manifest if they hold text or a number, and
ignored otherwise. A key that is similar to one of the above raises an error.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datamodules.annotations.row import Row, check_rows, make_row
from datamodules.annotations.table_text import read_text
from datamodules.annotations.tag_notation import Cell, split_tags
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
        TagbenchError: If the table is not valid; the message states line and remedy.
    """
    objects: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(read_text(table, EXAMPLE).split("\n"), 1):
        if line.strip():
            objects.append((number, _object(line, f"{table}, line {number}")))
    if not objects:
        raise TagbenchError(f"{table} is empty. Example:\n{EXAMPLE}")
    _read_strings(objects, table, single=single)
    rows: dict[str, Row] = {}
    seen: dict[str, tuple[int, Row]] = {}
    for number, values in objects:
        row = _row(values, table, number, single=single)
        for kind, name in (("path", row.path), ("track_id", row.name)):
            first_line, first_row = seen.setdefault(f"{kind} {name}", (number, row))
            if first_row != row:
                raise TagbenchError(
                    f"{table}, line {number}: the {kind} {name!r} is already given in line "
                    f"{first_line}. Write one line for each track, with all its tags."
                )
        rows[row.path] = row
    return check_rows(rows.values(), table, EXAMPLE)


def _read_strings(
    objects: Sequence[tuple[int, dict[str, Any]]], table: Path, *, single: bool
) -> None:
    """Replace tags that are given as one string by the list that the string stands for."""
    for _, values in objects:  # a list that was printed, and then put into a list
        match values["tags"]:
            case [str(text)] if text.strip().startswith("[") and text.strip().endswith("]"):
                values["tags"] = text
    texts = [(number, values) for number, values in objects if isinstance(values["tags"], str)]
    cells = [Cell(values["tags"], f"{table}, line {number}") for number, values in texts]
    for (_, values), tags in zip(texts, split_tags(cells, single=single), strict=True):
        values["tags"] = tags


def _object(line: str, where: str) -> dict[str, Any]:
    """Parse a line and give each key its own name."""
    try:
        pairs = json.loads(line, object_pairs_hook=list)
    except ValueError as error:
        raise TagbenchError(f"{where}: not JSON ({error}). Example:\n{EXAMPLE}") from None
    if not line.lstrip().startswith("{"):
        raise TagbenchError(
            f"{where}: expected one JSON object on each line, not a list or a value. "
            f"Example:\n{EXAMPLE}"
        )
    values: dict[str, Any] = {}
    for key, value in pairs:
        name = _ALIASES.get(key, key)
        if name in values:
            raise TagbenchError(f"{where}: {name!r} is given twice.")
        if name not in (*_KEYS, *COLUMNS):
            near = difflib.get_close_matches(name, (*_KEYS, *_ALIASES), n=1, cutoff=_ALIKE)
            if near:
                raise TagbenchError(
                    f"{where}: unknown key {name!r}. Did you mean {near[0]!r}? Known: "
                    f"{', '.join(_KEYS)}. Give a column of your own a name that is less similar."
                )
        values[name] = value
    for name in ("path", "tags"):
        if name not in values:
            raise TagbenchError(f"{where}: no {name!r}. Example:\n{EXAMPLE}")
    return values


def _row(values: dict[str, Any], table: Path, number: int, *, single: bool) -> Row:
    where = f"{table}, line {number}"
    path, tags = values["path"], values["tags"]
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise TagbenchError(f"{where}: tags must be a list of strings, found {_shown(tags)}.")
    rate = values.get("sample_rate", RATE)
    if not isinstance(rate, int) or isinstance(rate, bool) or rate < 1:
        raise TagbenchError(f"{where}: sample_rate must be in whole Hz, found {_shown(rate)}.")
    texts = {"path": path, **{name: values.get(name) or "" for name in _TEXTS}}
    for name, text in texts.items():
        if not isinstance(text, str):
            raise TagbenchError(f"{where}: {name} must be a string, found {_shown(text)}.")
    extra = {
        key: value
        for key, value in values.items()
        if key not in (*_KEYS, *COLUMNS) and _is_scalar(value)
    }
    more = {name: texts[name].strip() for name in _TEXTS[1:]}
    if path.lower().endswith(".npy"):
        more["rate"] = rate
    return make_row(path, tags, texts["split"], table, number, single=single, extra=extra, **more)


def _is_scalar(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, str | int) and not isinstance(value, bool)


def _shown(value: object) -> str:
    return json.dumps(value)[:60]
