"""Search for the arrays and split files of the reference implementation of Won et al. (2020)."""

from __future__ import annotations

from pathlib import Path

from datamodules.annotations.won2020_splits import Layout
from datamodules.common.errors import TagbenchError

HOMEPAGE = "https://github.com/minzwon/sota-music-tagging-models"
_PARENTS = 3  # folders above the data folder that are searched for split files


def find_arrays(data: Path, layout: Layout) -> Path:
    """Return the folder of the arrays; the data folder itself if it has no such subfolder.

    Args:
        data: Folder of the arrays, or the data path of the reference implementation.
        layout: Layout of the dataset.
    """
    folder = layout.folder
    candidates = (data / folder / "npy", data / "npy", data / folder)
    return next((candidate for candidate in candidates if candidate.is_dir()), data)


def find_split_files(data: Path, splits: str, name: str, layout: Layout) -> Path:
    """Return the folder that contains every split file of a dataset.

    Args:
        data: Data folder; it and the folders above it are searched if ``splits`` is empty.
        splits: Folder of the split files, or of a checkout of the reference implementation.
        name: Name of the layout, for the message.
        layout: Layout of the dataset.

    Raises:
        TagbenchError: If no folder contains all of them.
    """
    data = data.expanduser().absolute()
    bases = [Path(splits).expanduser()] if splits else [data, *data.parents[:_PARENTS]]
    for base in bases:
        for folder in (base, base / layout.folder, base / "split" / layout.folder):
            if all((folder / file).is_file() for file in layout.files):
                return folder
    searched = splits or f"{data} and the folders above it"
    raise TagbenchError(
        f"No split files of {name} in {searched}: expected {', '.join(layout.files)}, or the same "
        f"in split/{layout.folder} as in a checkout of {HOMEPAGE}. State their folder in YAML: "
        f"params: {{layout: {name}, data: ..., splits: ...}}"
    )
