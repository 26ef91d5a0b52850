"""Dataset cards: size, licence and access of each dataset, from its class."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.catalog.model_cards import wrapped
from benchmark.config.classes import declared_parameters, import_class
from benchmark.config.schema import DatasetFile
from benchmark.experiment_files import find, load, names

if TYPE_CHECKING:
    from rich.table import Table

    from datamodules.base import TaggingDataModule

HEADER = (
    "dataset", "what", "task", "classes", "train / valid / test", "hours", "access", "licence",
    "cite",
)  # fmt: skip


@dataclass(frozen=True)
class DatasetCard:
    """Summary of a dataset.

    Attributes:
        name: Name on the command line.
        title: Name in tables.
        task: Multi-label or single-label.
        classes: Number of tags; None where it depends on the files of the user.
        counts: Tracks in train, valid and test; None where they depend on the files of the user.
        hours: Hours of audio; None where unknown.
        access: How the audio is obtained.
        licence: Licence of the audio.
        cite: Key of its BibTeX entry.
    """

    name: str
    title: str
    task: str
    classes: int | None
    counts: tuple[int, int, int] | None
    hours: float | None
    access: str
    licence: str
    cite: str

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        return (
            self.name,
            self.title,
            self.task,
            f"{self.classes:,}" if self.classes else "yours",
            " / ".join(f"{n:,}" for n in self.counts) if self.counts else "yours",
            f"{self.hours:,.0f}" if self.hours else "",
            self.access,
            self.licence,
            self.cite,
        )


def card(name: str) -> DatasetCard:
    """Return the card of one dataset file, without reading its data."""
    from datamodules.base import TaggingDataModule
    from datamodules.published_dataset import PublishedDataset

    file = load(find("datasets", name), DatasetFile)
    cls = import_class(file.class_path, TaggingDataModule, f"dataset {name!r}")
    cite = re.search(r"@\w+\{([^,]+),", cls.citation)
    classes = counts = hours = None
    task: str = cls.task
    if not any(
        default is ... for _, default in declared_parameters(cls, TaggingDataModule).values()
    ):
        module: TaggingDataModule = cls(root=Path("data"), **file.params)
        task = module.task
        if isinstance(module, PublishedDataset):
            expected = module.expected
            classes, hours = expected.classes, expected.hours
            counts = (expected.train, expected.valid, expected.test)
        else:
            tracks = module.build_manifest()
            splits = Counter(track.split for track in tracks)
            classes = len(module.tags)
            counts = (splits["train"], splits["valid"], splits["test"])
            hours = sum(track.seconds or 0 for track in tracks) / 3600
    return DatasetCard(
        name=name,
        title=file.title,
        task=task,
        classes=classes,
        counts=counts,
        hours=hours,
        access=cls.access,
        licence=cls.licence,
        cite=cite.group(1) if cite else "",
    )


def cards() -> list[DatasetCard]:
    """Return the cards of all datasets."""
    return [card(name) for name in names("datasets")]


def table() -> Table:
    """Return the cards as a table for the terminal."""
    from rich.table import Table

    return wrapped(Table(title="Datasets"), HEADER, [item.cells() for item in cards()])
