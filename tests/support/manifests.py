"""Small ``manifest.jsonl`` files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def write_manifest(folder: Path, *lines: Any) -> Path:
    """Write ``manifest.jsonl``: a JSON object, or a given text, on each line."""
    folder.mkdir(exist_ok=True)
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path = folder / "manifest.jsonl"
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path
