"""Dataset cards: what each dataset holds, under which licence, and how one gets it.

Facts come from the classes; nothing here is typed by hand.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.catalog.model_cards import wrapped
from benchmark.config.classes import declared_parameters, import_class
from benchmark.config.files import find, load, names
from benchmark.config.schema import DatasetFile

if TYPE_CHECKING:
    from rich.table import Table

    from datamodules.base import TaggingDataModule

HEADER = (
    "dataset", "what", "task", "classes", "train / valid / test", "hours", "access", "licence",
    "cite",
)  # fmt: skip


@dataclass(frozen=True)
class DatasetCard:
    """What a reader wants to know of a dataset.

    Attributes:
        name: Name on the command line.
        title: In words.
        task: Multi-label or single-label.
        classes: Number of tags; None where it depends on one's own files.
        counts: Tracks in train, valid and test, likewise.
        hours: Of audio, where known.
        access: How one gets the audio.
        licence: Of the audio.
        cite: Key of the BibTeX entry in the class.
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
    """Make the card of one dataset file; reads no data."""
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
            have = Counter(track.split for track in tracks)
            classes = len(module.tags)
            counts = (have["train"], have["valid"], have["test"])
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
    """Make the cards of all datasets."""
    return [card(name) for name in names("datasets")]


def table() -> Table:
    """Return the cards as a table for the terminal."""
    from rich.table import Table

    return wrapped(Table(title="Datasets"), HEADER, [item.cells() for item in cards()])
