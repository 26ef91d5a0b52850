"""`tagbench describe`: a dataset as tables, pictures and one page that opens offline.

Statistics of labels cover every clip; those of sound cover a sample of clips, since a large
dataset has months of audio.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from benchmark import __version__
from benchmark.report.dataset import audio_features
from benchmark.report.dataset import figures as draw
from benchmark.report.dataset.embedding import MOST_POINTS, Projection, project
from benchmark.report.figures.style import figure_style, inline_svg, save
from benchmark.report.html import environment
from benchmark.report.labels import records
from benchmark.store.files import write_text
from datamodules.common.errors import TagbenchError
from datamodules.common.progress import Progress, Silent
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.leakage import group_overlap
from datamodules.corpus.track import SPLITS
from datamodules.labels import statistics

CLIPS = 500
_FEWEST_POINTS = 3
_STRONGEST, _WEAKEST = 15, 5


@dataclass
class Description:
    """What is known about a dataset, before it is written.

    Attributes:
        facts: What the page says in words.
        tables: By file name without suffix.
        labels: 0 or 1 (N, C), rows as in ``frame``.
        frame: Manifest, ordered by split.
        heard: Rows of ``frame`` whose audio was measured, in the order of the sample (M,).
        measured: Features of these clips.
        projection: Of these clips; None for fewer than three.
    """

    corpus: Corpus
    frame: pd.DataFrame
    labels: statistics.Labels
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    heard: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    measured: audio_features.Measured | None = None
    projection: Projection | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def describe(
    corpus: Corpus,
    directory: Path,
    clips: int = CLIPS,
    workers: int = 1,
    progress: Progress | None = None,
) -> Path:
    """Write tables, figures and page of a dataset.

    Args:
        corpus: Prepared.
        directory: ``results/<dataset>``; everything goes to ``describe`` below it.
        clips: At most so many clips are listened to; 0 leaves the audio alone.
        workers: Processes that measure audio.
        progress: Is told of every clip that was measured.

    Returns:
        The path of ``index.html``.

    Raises:
        TagbenchError: The corpus is empty.
    """
    found = describe_labels(corpus)
    if clips > 0:
        add_audio(found, clips, workers, progress or Silent())
    folder = directory / "describe"
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    written = set()
    for name, table in found.tables.items():
        text = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
        write_text(folder / f"{name}.csv", text)
        written.add(folder / f"{name}.csv")
    pages = {}
    with figure_style(corpus.tags) as missing:
        for name, title, figure in figures(found):
            pages[name] = inline_svg(figure, title, name)
            written |= set(save(figure, folder / "figures" / name))
    for suffix in ("*.csv", "figures/*.pdf", "figures/*.png"):  # of an earlier run
        for stale in set(folder.glob(suffix)) - written:
            stale.unlink()
    page = environment().get_template("describe.html.jinja")
    text = page.render(**context(found, directory.name, pages), missing=missing)
    write_text(folder / "index.html", text)
    return folder / "index.html"


def describe_labels(corpus: Corpus) -> Description:
    """Return the statistics that need no audio: counts, correlations, lengths, shared groups."""
    if not len(corpus):
        raise TagbenchError(
            f"The corpus in {corpus.root} has no tracks: there is nothing to describe. "
            f"{corpus.root / 'rejected.csv'} says why each of them was left out."
        )
    if not corpus.tags:
        raise TagbenchError(
            f"The corpus in {corpus.root} has no tags: there are no labels to describe. "
            "Hear trained models on it: tagbench run --checkpoints FOLDER"
        )
    frame = pd.concat([corpus.split(name) for name in SPLITS])
    labels = np.concatenate([corpus.targets(name) for name in SPLITS])
    splits = frame["split"].tolist()
    seconds = frame["samples"].to_numpy(np.float64) / corpus.sample_rate
    found = Description(corpus, frame, labels)
    found.tables["tags"] = statistics.tag_counts(labels, corpus.tags, splits)
    if corpus.task == "multilabel":
        found.tables["tags_per_clip"] = statistics.tags_per_clip(labels, splits)
        matrix = pd.DataFrame(statistics.correlations(labels), columns=list(corpus.tags))
        matrix.insert(0, "", list(corpus.tags))
        found.tables["correlations"] = matrix
        found.tables["correlated_pairs"] = statistics.correlated_pairs(labels, corpus.tags)
    found.tables["durations"] = statistics.durations(seconds, splits)
    found.tables["groups"] = group_overlap(frame)
    found.facts = {
        "splits": {name: splits.count(name) for name in SPLITS},
        "hours": float(seconds.sum()) / 3600,
        "shortest": float(seconds.min()),
        "median": float(np.median(seconds)),
        "longest": float(seconds.max()),
        "density": float(labels.mean()),
        "tags_per_clip": float(labels.sum(axis=1).mean()),
    }
    return found


def add_audio(found: Description, clips: int, workers: int, progress: Progress) -> None:
    """Measure a sample of clips, and add the tables that come from it."""
    corpus = found.corpus
    rows = audio_features.sample_rows(corpus, clips)
    found.heard = found.frame.index.get_indexer(pd.Index(rows))
    found.measured = measured = audio_features.measure_all(corpus, rows, workers, progress)
    labels = found.labels[found.heard]
    heard = [at for at in range(len(corpus.tags)) if labels[:, at].any()]
    hertz = audio_features.frequencies(corpus.sample_rate)
    spectra = pd.DataFrame({"frequency_hz": hertz, "(all clips)": measured.spectrum.mean(axis=0)})
    columns = {corpus.tags[at]: measured.spectrum[labels[:, at] > 0].mean(axis=0) for at in heard}
    found.tables["spectra"] = pd.concat([spectra, pd.DataFrame(columns)], axis=1)
    found.tables["variance"] = _variance(measured.variance, labels, corpus.tags, found)
    table = found.frame.iloc[found.heard][["track_id", "split", "tags"]].reset_index(drop=True)
    table["tags"] = ["|".join(tags) for tags in table["tags"]]
    table["seconds"] = corpus.samples[rows] / corpus.sample_rate
    table["variance"] = measured.variance
    if len(rows) >= _FEWEST_POINTS:
        found.projection = one = project(audio_features.timbre(measured.mel))
        table[["pca_1", "pca_2"]] = one.pca
        scaled = np.full((len(rows), 2), np.nan)
        scaled[: len(one.mds)] = one.mds
        table[["mds_1", "mds_2"]] = scaled
    found.tables["clips"] = table.sort_values("track_id", kind="stable")


def _variance(
    values: npt.NDArray[np.float64],
    labels: statistics.Labels,
    tags: tuple[str, ...],
    found: Description,
) -> pd.DataFrame:
    """Return mean, spread and quartiles of the clips' sample variance, a row a tag.

    Ordered as ``tags.csv``; a tag without a clip in the sample is left out.
    """
    rows = []
    for tag in found.tables["tags"]["tag"]:
        own = values[labels[:, tags.index(tag)] > 0]
        if not len(own):
            continue
        low, median, high = np.percentile(_level(own), [25, 50, 75])
        rows.append(
            {
                "tag": tag,
                "clips": len(own),
                "variance": own.mean(),
                "variance_sd": own.std(),
                "rms_dbfs": float(_level(own.mean())),
                "low_db": low,
                "median_db": median,
                "high_db": high,
            }
        )
    return pd.DataFrame(rows)


def _level(variance: Any) -> Any:
    return 10.0 * np.log10(np.maximum(variance, audio_features.FLOOR))


def figures(found: Description) -> Iterator[tuple[str, str, Figure]]:
    """Yield name, title and drawing of every figure, in reading order."""
    tables, tags = found.tables, found.corpus.tags
    frequent = [str(tag) for tag in tables["tags"]["tag"].head(draw.MOST_TAGS)]
    yield "tags", "Clips of each tag", draw.tags(tables["tags"])
    if "correlations" in tables:
        places = [tags.index(tag) for tag in frequent]
        matrix = tables["correlations"][list(tags)].to_numpy()[np.ix_(places, places)]
        yield "correlations", "Which tags go together", draw.correlations(matrix, frequent)
        per_clip = tables["tags_per_clip"]
        yield "tags_per_clip", "Tags of a clip", draw.tags_per_clip(per_clip)
    yield "durations", "Length of clips", draw.durations(tables["durations"])
    if (tables["groups"]["groups"] > 0).any():
        yield "groups", "Artists, albums and songs of the splits", draw.groups(tables["groups"])
    if found.measured is None:
        return
    spectra = tables["spectra"]
    shown = [tag for tag in frequent if tag in spectra]
    mean, per_tag = spectra["(all clips)"].to_numpy(), spectra[shown].to_numpy().T
    hertz = spectra["frequency_hz"].to_numpy()
    yield "spectra", "Average spectrum of each tag", draw.spectra(hertz, mean, per_tag, shown)
    yield "variance", "Sample variance of each tag", draw.variance(tables["variance"])
    if (one := found.projection) is not None:
        labels = found.labels[found.heard]
        first, second = one.explained
        axes = f"principal components: {first:.0%} and {second:.0%} of the variance"
        yield "pca", "Clips by principal components", draw.plane(one.pca, labels, tags, axes)
        axes = f"metric scaling, stress {one.stress:.2f}"
        points = labels[: len(one.mds)]
        yield "mds", "Clips by their distances", draw.plane(one.mds, points, tags, axes)


def context(found: Description, name: str, pages: dict[str, str]) -> dict[str, Any]:
    """Arrange what the template prints."""
    corpus, tables = found.corpus, found.tables
    pairs = records(tables["correlated_pairs"]) if "correlated_pairs" in tables else []
    strongest = [pair for pair in pairs[:_STRONGEST] if pair["correlation"] > 0]
    weakest = [pair for pair in pairs[::-1][:_WEAKEST] if pair["correlation"] < 0]
    return {
        "dataset": name,
        "single": corpus.task == "singlelabel",
        "facts": found.facts,
        "n_tags": len(corpus.tags),
        "figures": pages,
        "most_tags": draw.MOST_TAGS,
        "pairs": [("Most correlated", strongest), ("Least", weakest)],
        "groups": [row for row in records(tables["groups"]) if row["groups"]],
        "silent": [row["tag"] for row in records(tables["tags"]) if not row["clips"]],
        "n_heard": len(found.heard),
        "n_scaled": min(len(found.heard), MOST_POINTS),
        "bands": audio_features.BANDS,
        "files": [f"{name}.csv" for name in tables],
        "provenance": {
            "manifest sha256": corpus.manifest_digest,
            "split sha256": corpus.split_digest,
            "tags sha256": corpus.tags_digest,
            "sample rate": f"{corpus.sample_rate:,} Hz",
            "rejected": str(corpus.info.get("rejected", 0)),
            "tagbench": __version__,
        },
    }
