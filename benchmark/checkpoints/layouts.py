"""Key layouts of published weights: one entry for each publication.

The modules of this project have the names of the reference implementations, so that an entry
states only what a file has around these names. To support another publication, add an entry to
``LAYOUTS``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from datamodules.common.errors import TagbenchError
from datamodules.loaders.windowing import Protocol


@dataclass(frozen=True)
class Layout:
    """Names of the tensors in the files of one publication.

    Attributes:
        source: The publication.
        heads: Names in the file of the weight of the output layer (C, ...), without the prefix. A
            file that has one of them has this layout.
        prefix: Prefix of the names of the model's tensors.
        ignored: Prefixes of entries that belong to other networks or to the training.
        renamed: Beginnings of names in the file, and what they are called here.
        models: Names of the architectures in the publication, and those of their YAML files.
        datasets: Names of datasets in the publication, and those of the tag lists that its weights
            predict.
        windows: Window protocol of the publication.
    """

    source: str
    heads: tuple[str, ...]
    prefix: str = ""
    ignored: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    datasets: Mapping[str, str] = field(default_factory=dict)
    windows: Protocol = "won2020"

    def name_of(self, entry: str) -> str | None:
        """Return the name of an entry of a file in our modules, None for one that is ignored."""
        if entry.startswith(self.ignored):
            return None
        name = entry.removeprefix(self.prefix)
        for theirs, ours in self.renamed.items():
            if name.startswith(theirs):
                return ours + name.removeprefix(theirs)
        return name

    def matches(self, entries: Iterable[str]) -> bool:
        """Tell whether the entries of a file include an output layer of this layout."""
        return any(entry.removeprefix(self.prefix) in self.heads for entry in entries)

    def output_layer(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Return the weight (C, ...) of the output layer from the result of ``apply``."""
        names = (self.name_of(self.prefix + head) for head in self.heads)
        return next(tensors[name] for name in names if name is not None and name in tensors)

    def apply(self, tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
        """Return the tensors under the names of our modules, and the entries that are ignored."""
        names = {entry: self.name_of(entry) for entry in tensors}
        kept = {name: tensors[entry] for entry, name in names.items() if name is not None}
        return kept, tuple(entry for entry, name in names.items() if name is None)


LAYOUTS = (
    Layout(
        source="Won et al. 2020",
        heads=("dense2.weight", "dense.weight"),
        models={
            "sample": "sample_cnn",
            "se": "sample_cnn_se",
            "short": "short_chunk_cnn",
            "short_res": "short_chunk_cnn_res",
            "attention": "self_attention",
            "hcnn": "harmonic_cnn",
        },
        datasets={"mtg_jamendo": "jamendo", "mtg-jamendo": "jamendo", "magnatagatune": "mtat"},
    ),
    Layout(
        source="Won et al. 2019",
        heads=("classifier.weight",),
        renamed={"classifier.": "dense."},
        models={
            "pons_won": "self_attention_2019_pons_won",
            "pons_pons": "self_attention_2019_pons_pons",
            "lee_won": "self_attention_2019_lee_won",
            "lee_lee": "self_attention_2019_lee_lee",
        },
    ),
    Layout(
        source="Won et al. 2021",
        heads=("mlp_head.1.weight",),
        prefix="network.",
        ignored=("teacher_network.",),  # the student's file holds its teacher too
        datasets={"msd": "msd_cals"},  # both lists have 50 tags
    ),
    Layout(
        source="Spijkervet and Burgoyne 2021",
        heads=("fc.weight",),
        prefix="encoder.",
        ignored=("model.", "projector."),  # the same encoder again, and what only training needs
        models={"samplecnn": "clmr_sample_cnn"},
        datasets={"magnatagatune": "mtat"},
        windows="clmr",
    ),
)

MODEL_ALIASES = {theirs: ours for layout in LAYOUTS for theirs, ours in layout.models.items()}
"""YAML files by the names that publications give to their architectures."""


def find_layout(tensors: Mapping[str, Tensor], file: Path) -> Layout:
    """Return the layout of a file.

    Raises:
        TagbenchError: The file has no known output layer.
    """
    for layout in LAYOUTS:
        if layout.matches(tensors):
            return layout
    heads = [f"{' or '.join(known.heads)} ({known.source})" for known in LAYOUTS]
    raise TagbenchError(
        f"{file} has no output layer of a known publication: expected {', '.join(heads)}; found "
        f"{', '.join(list(tensors)[:6])}, ..."
    )
