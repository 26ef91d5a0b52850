"""A dataset file with its class imported and its parameters complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.config.classes import declared_parameters, import_class, resolve_params
from benchmark.config.schema import DatasetFile, Strict
from benchmark.experiment_files import parse
from datamodules.common.errors import TagbenchError

if TYPE_CHECKING:
    from datamodules.base import TaggingDataModule

# Parameters of datasets that are paths on this machine, and their flags.
PLACES = {"data": "--data", "audio_dir": "--audio-dir"}


RATE = "corpus_rate"
"""Parameter of every dataset: the sample rate of its corpus in Hz."""


class _Rate(Strict):
    corpus_rate: int | None = None


@dataclass(frozen=True)
class ResolvedDataset:
    """A dataset with its class imported and its parameters complete."""

    name: str
    class_path: str
    cls: type[TaggingDataModule]
    params: dict[str, Any]

    @classmethod
    def of(cls, name: str, file: DatasetFile, extra: Mapping[str, Any]) -> ResolvedDataset:
        """Import and check the class that a dataset file names.

        Args:
            name: Name of the dataset in tables.
            file: Content of its YAML file.
            extra: Parameters from the command line, such as ``data`` of a folder.
        """
        from datamodules.base import TaggingDataModule

        where = f"dataset {name!r}"
        dataset_class = import_class(file.class_path, TaggingDataModule, where)
        given = {**file.params, **extra}
        takes = declared_parameters(dataset_class, TaggingDataModule)
        if "data" in takes and "data" not in given:
            raise TagbenchError(
                f"The {where} needs the path of your audio: --data PATH (with make: DATA=PATH)."
            )
        for place, flag in PLACES.items():
            if place in extra and place not in takes:
                raise TagbenchError(f"The {where} does not accept {flag}. Remove the option.")
        rate = parse({RATE: given.pop(RATE, None)}, _Rate, f"{where}: params").corpus_rate
        params = resolve_params(dataset_class, TaggingDataModule, given, where)
        if rate is not None:
            params[RATE] = rate
        for place in PLACES:  # a cell may be run again from another directory
            if params.get(place):
                params[place] = str(Path(params[place]).expanduser().resolve())
        return cls(name, file.class_path, dataset_class, params)

    def module(self, root: Path, **loading: Any) -> TaggingDataModule:
        """Build the DataModule.

        Args:
            root: Folder of all prepared corpora.
            **loading: Window, batch size and the like, see :class:`TaggingDataModule`.
        """
        return self.cls(root=root, **self.params, **loading)


def data_module(launch: Mapping[str, Any], data_root: Path, **loading: Any) -> TaggingDataModule:
    """Build the DataModule that a cell's ``launch`` names.

    Args:
        launch: ``dataset_class`` and ``dataset_params``.
        data_root: Folder of all prepared corpora.
        **loading: Window, batch size and the like, see :class:`TaggingDataModule`.
    """
    from datamodules.base import TaggingDataModule

    cls = import_class(launch["dataset_class"], TaggingDataModule, "cell")
    module: TaggingDataModule = cls(root=data_root, **launch["dataset_params"], **loading)
    return module
