"""The tracks of a dataset in Croissant 1.1, https://docs.mlcommons.org/croissant, without audio.

The tables are CSV files beside ``croissant.json``: splits, tags, tracks with the digests of their
files, and the tags of each track.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmark.publish.publication import Publication
from benchmark.store.files import file_sha256, write_json, write_text
from datamodules.corpus.corpus import Corpus

FOLDER, DESCRIPTION = "dataset", "croissant.json"

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}

# Record set: description, key, and the columns of its CSV file with type, meaning and reference.
_TABLES: dict[str, tuple[str, str, tuple[tuple[str, str, str, str], ...]]] = {
    "splits": (
        "The splits of the dataset.",
        "name",
        (
            ("name", "sc:Text", "Name of the split.", ""),
            ("tracks", "sc:Integer", "Number of its tracks.", ""),
        ),
    ),
    "tags": (
        "The tags, in the order of the outputs of a model.",
        "name",
        (
            ("name", "sc:Text", "Name of the tag.", ""),
            ("tracks", "sc:Integer", "Number of tracks with the tag.", ""),
        ),
    ),
    "tracks": (
        "The tracks, with the digests of their audio.",
        "track_id",
        (
            ("track_id", "sc:Text", "Identifier of the track.", ""),
            ("split", "sc:Text", "Split of the track.", "splits/name"),
            ("seconds", "sc:Float", "Length of the decoded audio in seconds.", ""),
            ("source_sha256", "sc:Text", "SHA-256 digest of the audio file.", ""),
            (
                "samples_sha256",
                "sc:Text",
                "SHA-256 digest of the decoded samples: int16, mono, at the rate of the corpus.",
                "",
            ),
        ),
    ),
    "track_tags": (
        "The tags of each track, one pair in a row.",
        "",
        (
            ("track_id", "sc:Text", "Identifier of the track.", "tracks/track_id"),
            ("tag", "sc:Text", "Tag that the track has.", "tags/name"),
        ),
    ),
}


def write_croissant(publication: Publication, corpus: Corpus, target: Path) -> None:
    """Write the tables of a dataset and their description.

    Args:
        publication: The publication.
        corpus: The prepared corpus; its audio is not read.
        target: Folder to create.
    """
    target.mkdir(parents=True)
    for name, rows in _rows(corpus).items():
        header = [column for column, *_ in _TABLES[name][2]]
        write_text(target / f"{name}.csv", _csv(header, rows))
    write_json(target / DESCRIPTION, description(publication, corpus, target), indent=2)


def description(publication: Publication, corpus: Corpus, folder: Path) -> dict[str, Any]:
    """Return the content of ``croissant.json``.

    Args:
        publication: The publication.
        corpus: The prepared corpus.
        folder: Folder with the tables.
    """
    cls = publication.dataset
    year = re.search(r"\byear\s*=\s*[{\"]?(\d{4})", cls.citation)
    optional = {
        "url": cls.homepage,
        "citeAs": cls.citation,
        "creator": [{"@type": "Person", "name": name} for name in _authors(cls.citation)],
    }
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": publication.name,
        "description": (
            f"The {len(corpus):,} tracks of {publication.name} as tagbench reads them: splits, "
            f"{len(corpus.tags)} tags and digests. The audio is not included; access: "
            f"{cls.access or 'that of the publisher'}. Manifest {corpus.manifest_digest}, split "
            f"{corpus.split_digest}, {corpus.sample_rate} Hz."
        ),
        "license": cls.licence or "not stated",
        "datePublished": year[1] if year else publication.date,
        "version": f"{cls.revision}.0.0",
        "sdVersion": corpus.manifest_digest[:12],
        "isLiveDataset": False,
        "keywords": ["music", "music tagging", "audio classification"],
        **{name: value for name, value in optional.items() if value},
        "distribution": [_file_object(folder / f"{name}.csv") for name in _TABLES],
        "recordSet": [_record_set(name) for name in _TABLES],
    }


def _rows(corpus: Corpus) -> dict[str, list[Sequence[Any]]]:
    """Return the rows of each table."""
    frame = corpus.frame
    pairs = [
        (track, tag)
        for track, tags in zip(frame["track_id"], frame["tags"], strict=True)
        for tag in tags
    ]
    counts = dict.fromkeys(corpus.tags, 0)
    for _, tag in pairs:
        counts[tag] = counts.get(tag, 0) + 1
    seconds = (frame["samples"] / corpus.sample_rate).map("{:.6f}".format)
    columns = (frame["track_id"], frame["split"], seconds, frame["source_sha256"],
               frame["audio_sha256"])  # fmt: skip
    return {
        "splits": list(corpus.info["splits"].items()),
        "tags": list(counts.items()),
        "tracks": list(zip(*columns, strict=True)),
        "track_tags": pairs,
    }


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _file_object(path: Path) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path.name,
        "name": path.name,
        "contentUrl": path.name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": "text/csv",
        "sha256": file_sha256(path),
    }


def _record_set(name: str) -> dict[str, Any]:
    text, key, columns = _TABLES[name]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": text,
        **({"dataType": "cr:Split"} if name == "splits" else {}),
        **({"key": {"@id": f"{name}/{key}"}} if key else {}),
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{column}",
                "name": column,
                "description": meaning,
                "dataType": kind,
                "source": {
                    "fileObject": {"@id": f"{name}.csv"},
                    "extract": {"column": column},
                },
                **({"references": _reference(other)} if other else {}),
            }
            for column, kind, meaning, other in columns
        ],
    }


def _reference(field: str) -> dict[str, Any]:
    """Return the reference to a field.

    It names the file where the other record set has references itself, which mlcroissant 1.1
    cannot read through.
    """
    table, _, column = field.partition("/")
    if any(other for *_, other in _TABLES[table][2]):
        return {"fileObject": {"@id": f"{table}.csv"}, "extract": {"column": column}}
    return {"field": {"@id": field}}


def _authors(citation: str) -> list[str]:
    """Return the authors of a BibTeX entry."""
    found = re.search(r"\bauthor\s*=\s*[{\"](.*?)[}\"]\s*,\s*\n?\s*\w+\s*=", citation, re.DOTALL)
    text = re.sub(r"\\.|[{}]", "", " ".join(found[1].split())) if found else ""
    return [name.strip() for name in text.split(" and ") if name.strip()]
