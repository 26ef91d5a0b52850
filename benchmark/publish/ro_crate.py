"""Provenance as an RO-Crate 1.3 with the terms of Process Run Crate 0.6.

Each finished cell is a ``CreateAction``: its objects are the corpus and the checkpoints that it
read, its instrument is the version of tagbench that ran it, and its results are the files that it
wrote. The formats: https://w3id.org/ro/crate/1.3 and https://w3id.org/ro/wfrun/process/0.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.config.card import WEIGHTS
from benchmark.publish.publication import Publication
from benchmark.store.cells import PREDICTIONS
from benchmark.store.files import file_sha256, write_json

METADATA = "ro-crate-metadata.json"
PREDICTIONS_FOLDER, TABLES_FOLDER = "predictions", "tables"

_CRATE = "https://w3id.org/ro/crate/1.3"
_PROFILE = "https://w3id.org/ro/wfrun/process/0.6"
_COMPLETED = {"@id": "http://schema.org/CompletedActionStatus"}
_FORMATS = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".md": "text/markdown",
    ".yaml": "application/yaml",
    ".npz": "application/zip",
    ".bib": "application/x-bibtex",
    ".cff": "application/yaml",
    ".safetensors": "application/octet-stream",
}

_LICENCE = "#licence"

Entity = dict[str, Any]


def write_crate(publication: Publication, folder: Path) -> None:
    """Write the metadata of a folder that is complete but for them."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = [_file(path, folder) for path in paths]
    crate = _Crate(publication, {entity["@id"] for entity in files})
    actions = [crate.action(cell) for cell in publication.finished]
    tables = [entity for entity in files if entity["@id"].startswith(f"{TABLES_FOLDER}/")]
    actions.append(crate.table_action(tables))
    graph = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "conformsTo": {"@id": _CRATE},
            "about": {"@id": "./"},
        },
        _root(publication, files, actions),
        {
            "@id": _PROFILE,
            "@type": ["CreativeWork", "Profile"],
            "name": "Process Run Crate",
            "version": "0.6",
        },
        {
            "@id": _LICENCE,
            "@type": "CreativeWork",
            "name": publication.choices.licence or "not stated",
            "description": "Licence of the results. README.md states those of weights and dataset.",
        },
        *crate.entities.values(),
        *actions,
        *files,
    ]
    write_json(folder / METADATA, {"@context": f"{_CRATE}/context", "@graph": graph})


class _Crate:
    """Entities that actions refer to; each is added when it is first referred to.

    Args:
        publication: The publication.
        files: Ids of the entities of its files.
    """

    def __init__(self, publication: Publication, files: set[str]) -> None:
        self.publication = publication
        self.store = publication.results.store
        self.files = files
        self.entities: dict[str, Entity] = {}
        # A model that is tested on bags and on single clips is published under two names.
        self.models: dict[str, list[str]] = {}
        for model in publication.models:
            self.models.setdefault(model.cell["id"], []).append(f"{model.path}/{WEIGHTS}")

    def action(self, cell: Mapping[str, Any]) -> Entity:
        """Return the action of a finished cell."""
        kind, labels, metrics = cell["kind"], cell["labels"], self.store.metrics(cell["id"])
        model = f"{labels['dataset']} {labels['model']} seed {labels['seed']}"
        condition = ""
        if kind == "evaluation":
            condition = f" under {labels['perturbation']}, severity {labels['severity']}"
            result = [self._predictions(cell["id"], metrics)]
        else:
            result = self._checkpoints(cell["id"])
        parents = [self._checkpoints(parent)[0] for parent in cell["depends_on"]]
        corpus = [] if kind == "import" else [self._corpus()]
        return {
            "@id": f"#cell-{cell['id']}",
            "@type": "CreateAction",
            "name": f"{kind} {model}{condition}",
            "identifier": cell["id"],
            "actionStatus": _COMPLETED,
            "instrument": self._software(metrics.get("provenance", {})),
            "object": [*corpus, *parents],
            "result": result,
        }

    def table_action(self, tables: list[Entity]) -> Entity:
        """Return the action that computed the tables from all predictions."""
        from benchmark import __version__

        evaluations = [c["id"] for c in self.publication.finished if c["kind"] == "evaluation"]
        return {
            "@id": "#tables",
            "@type": "CreateAction",
            "name": f"compute the tables of {self.publication.name}",
            "identifier": self.publication.inputs,
            "actionStatus": _COMPLETED,
            "instrument": self._software({"tagbench": __version__}),
            "object": [self._predictions(cell, self.store.metrics(cell)) for cell in evaluations],
            "result": [{"@id": table["@id"]} for table in tables],
        }

    def _add(self, entity: Entity) -> Entity:
        self.entities.setdefault(entity["@id"], entity)
        return {"@id": entity["@id"]}

    def _corpus(self) -> Entity:
        publication = self.publication
        info = publication.results.record.info
        parts = [{"@id": name} for name in sorted(self.files) if name.startswith("dataset/")]
        return self._add(
            {
                "@id": f"#corpus-{publication.digest[:12]}",
                "@type": "Dataset",
                "name": f"prepared corpus of {publication.name}",
                "identifier": f"sha256:{publication.digest}",
                "description": (
                    f"{info['n_tags']} tags; split sha256:{info['split_digest']}; samples "
                    f"sha256:{info.get('samples_digest') or 'unknown'}. The audio is not included."
                ),
                "license": publication.dataset.licence or "not stated",
                **({"hasPart": parts} if parts else {}),
            }
        )

    def _checkpoints(self, cell: str) -> list[Entity]:
        paths = [path for path in self.models.get(cell, ()) if path in self.files]
        return [{"@id": path} for path in paths] or [self._absent("checkpoint", cell, "weights")]

    def _predictions(self, cell: str, metrics: Mapping[str, Any]) -> Entity:
        path = f"{PREDICTIONS_FOLDER}/{cell}.npz"
        if path in self.files:
            return {"@id": path}
        digest = metrics["files"][PREDICTIONS]
        return self._absent("predictions", cell, "predictions", f"sha256:{digest}")

    def _absent(self, kind: str, cell: str, title: str, identifier: str = "") -> Entity:
        return self._add(
            {
                "@id": f"#{kind}-{cell}",
                "@type": "CreativeWork",
                "name": f"{title} of cell {cell}, not included",
                "identifier": identifier or cell,
            }
        )

    def _software(self, provenance: Mapping[str, str]) -> Entity:
        version = provenance.get("tagbench", "unknown")
        commit = provenance.get("commit", "")
        packages = {n: v for n, v in provenance.items() if n not in _NOT_PACKAGES and v != "absent"}
        return self._add(
            {
                "@id": f"#tagbench-{version}{f'-{commit[:12]}' if commit else ''}",
                "@type": "SoftwareApplication",
                "name": "tagbench",
                "softwareVersion": version,
                **({"identifier": commit} if commit else {}),
                **(
                    {"softwareRequirements": [f"{n} {v}" for n, v in sorted(packages.items())]}
                    if packages
                    else {}
                ),
            }
        )


_NOT_PACKAGES = ("tagbench", "commit", "lock_sha256", "platform", "cpu_count", "threads")


def _root(publication: Publication, files: list[Entity], actions: list[Entity]) -> Entity:
    record = publication.results.record
    return {
        "@id": "./",
        "@type": "Dataset",
        "conformsTo": {"@id": _PROFILE},
        "name": f"Results of tagbench on {publication.name}",
        "description": (
            f"Scores of {len(publication.tables.leaderboard)} music taggers on "
            f"{publication.name}, on clean and on perturbed audio, with their intervals."
        ),
        "datePublished": publication.date,
        "license": {"@id": _LICENCE},
        "identifier": record.id,
        "hasPart": [{"@id": entity["@id"]} for entity in files],
        "mentions": [{"@id": action["@id"]} for action in actions],
    }


def _file(path: Path, folder: Path) -> Entity:
    name = path.relative_to(folder).as_posix()
    return {
        "@id": name,
        "@type": "File",
        "name": path.name,
        "encodingFormat": _FORMATS.get(path.suffix, "application/octet-stream"),
        "contentSize": str(path.stat().st_size),
        "sha256": file_sha256(path),
    }
