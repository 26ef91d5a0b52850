"""`extract`: unpack what is wanted of a zip or tar archive."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from datamodules.files import replace_file
from datamodules.progress import Progress


def extract(
    archive: Path | Sequence[Path],
    into: Path,
    *,
    wanted: Callable[[str], bool] | None = None,
    rename: Callable[[str], str] | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """Unpack an archive."""
    names = []
    with zipfile.ZipFile(archive if isinstance(archive, Path) else archive[0]) as file:
        for info in file.infolist():
            if not info.is_dir() and (wanted is None or wanted(info.filename)):
                path = into / (rename(info.filename) if rename else info.filename)
                path.parent.mkdir(parents=True, exist_ok=True)
                replace_file(path, file.read(info))
                names.append(info.filename)
    return sorted(names)
