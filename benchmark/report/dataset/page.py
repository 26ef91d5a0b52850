"""`tagbench describe`: tables, figures and one offline HTML page about a dataset.

Statistics of labels cover every clip. Those of audio cover a sample of clips, since large datasets
have months of audio.
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
    """Statistics of a dataset.

    Attributes:
        corpus: The prepared corpus.
        frame: Manifest, ordered by split.
        labels: 0 or 1 (N, C), rows as in ``frame``.
        tables: Tables by file name without suffix.
        sampled: Rows of ``frame`` whose audio was measured, in the order of the sample (M,).
        features: Features of these clips; None where no audio was measured.
        projection: Projection of these clips; None for fewer than three.
        facts: Numbers that the text of the page states.
    """

    corpus: Corpus
    frame: pd.DataFrame
    labels: statistics.Labels
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    sampled: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    features: audio_features.ClipFeatures | None = None
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
        corpus: A prepared corpus.
        directory: ``results/<dataset>``; the files are written to its folder ``describe``.
        clips: Greatest number of clips whose audio is measured; 0 for none.
        workers: Processes that measure audio.
        progress: Receives every measured clip.

    Returns:
        The path of ``index.html``.

    Raises:
        TagbenchError: The corpus is empty.
    """
    description = describe_labels(corpus)
    if clips > 0:
        add_audio(description, clips, workers, progress or Silent())
    folder = directory / "describe"
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    written = set()
    for name, table in description.tables.items():
        text = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
        write_text(folder / f"{name}.csv", text)
        written.add(folder / f"{name}.csv")
    pages = {}
    with figure_style(corpus.tags) as missing:
        for name, title, figure in figures(description):
            pages[name] = inline_svg(figure, title, name)
            written |= set(save(figure, folder / "figures" / name))
    for suffix in ("*.csv", "figures/*.pdf", "figures/*.png"):  # of an earlier run
        for stale in set(folder.glob(suffix)) - written:
            stale.unlink()
    page = environment().get_template("describe.html.jinja")
    text = page.render(**context(description, directory.name, pages), missing=missing)
    write_text(folder / "index.html", text)
    return folder / "index.html"


def describe_labels(corpus: Corpus) -> Description:
    """Return the statistics that need no audio: counts, correlations, lengths, shared groups."""
    if not len(corpus):
        raise TagbenchError(
            f"The corpus in {corpus.root} has no tracks, so there is nothing to describe. "
            f"{corpus.root / 'rejected.csv'} lists the rejected tracks and the reasons."
        )
    if not corpus.tags:
        raise TagbenchError(
            f"The corpus in {corpus.root} has no tags, so there are no labels to describe. "
            "To evaluate trained models on it: tagbench run --checkpoints FOLDER"
        )
    frame = pd.concat([corpus.split(name) for name in SPLITS])
    labels = np.concatenate([corpus.targets(name) for name in SPLITS])
    splits = frame["split"].tolist()
    seconds = frame["samples"].to_numpy(np.float64) / corpus.sample_rate
    description = Description(corpus, frame, labels)
    description.tables["tags"] = statistics.tag_counts(labels, corpus.tags, splits)
    if corpus.task == "multilabel":
        description.tables["tags_per_clip"] = statistics.tags_per_clip(labels, splits)
        matrix = pd.DataFrame(statistics.correlations(labels), columns=list(corpus.tags))
        matrix.insert(0, "", list(corpus.tags))
        description.tables["correlations"] = matrix
        description.tables["correlated_pairs"] = statistics.correlated_pairs(labels, corpus.tags)
    description.tables["durations"] = statistics.durations(seconds, splits)
    description.tables["groups"] = group_overlap(frame)
    description.facts = {
        "splits": {name: splits.count(name) for name in SPLITS},
        "hours": float(seconds.sum()) / 3600,
        "shortest": float(seconds.min()),
        "median": float(np.median(seconds)),
        "longest": float(seconds.max()),
        "density": float(labels.mean()),
        "tags_per_clip": float(labels.sum(axis=1).mean()),
    }
    return description


def add_audio(description: Description, clips: int, workers: int, progress: Progress) -> None:
    """Measure the audio of a sample of clips and add its tables."""
    corpus = description.corpus
    rows = audio_features.sample_rows(corpus, clips)
    description.sampled = description.frame.index.get_indexer(pd.Index(rows))
    description.features = features = audio_features.measure_all(corpus, rows, workers, progress)
    labels = description.labels[description.sampled]
    present = [at for at in range(len(corpus.tags)) if labels[:, at].any()]
    hertz = audio_features.frequencies(corpus.sample_rate)
    spectra = pd.DataFrame({"frequency_hz": hertz, "(all clips)": features.spectrum.mean(axis=0)})
    columns = {corpus.tags[at]: features.spectrum[labels[:, at] > 0].mean(axis=0) for at in present}
    description.tables["spectra"] = pd.concat([spectra, pd.DataFrame(columns)], axis=1)
    description.tables["variance"] = _variance(features.variance, labels, corpus.tags, description)
    table = description.frame.iloc[description.sampled][["track_id", "split", "tags"]].reset_index(
        drop=True
    )
    table["tags"] = ["|".join(tags) for tags in table["tags"]]
    table["seconds"] = corpus.samples[rows] / corpus.sample_rate
    table["variance"] = features.variance
    if len(rows) >= _FEWEST_POINTS:
        description.projection = plane = project(audio_features.timbre(features.mel))
        table[["pca_1", "pca_2"]] = plane.pca
        scaled = np.full((len(rows), 2), np.nan)
        scaled[: len(plane.mds)] = plane.mds
        table[["mds_1", "mds_2"]] = scaled
    description.tables["clips"] = table.sort_values("track_id", kind="stable")


def _variance(
    values: npt.NDArray[np.float64],
    labels: statistics.Labels,
    tags: tuple[str, ...],
    description: Description,
) -> pd.DataFrame:
    """Return mean, deviation and quartiles of the sample variance of clips, one row per tag.

    The order is that of ``tags.csv``; a tag without a clip in the sample is left out.
    """
    rows = []
    for tag in description.tables["tags"]["tag"]:
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


def figures(description: Description) -> Iterator[tuple[str, str, Figure]]:
    """Yield name, title and drawing of every figure, in reading order."""
    tables, tags = description.tables, description.corpus.tags
    frequent = [str(tag) for tag in tables["tags"]["tag"].head(draw.MOST_TAGS)]
    yield "tags", "Clips per tag", draw.tags(tables["tags"])
    if "correlations" in tables:
        places = [tags.index(tag) for tag in frequent]
        matrix = tables["correlations"][list(tags)].to_numpy()[np.ix_(places, places)]
        yield "correlations", "Correlation of tags", draw.correlations(matrix, frequent)
        per_clip = tables["tags_per_clip"]
        yield "tags_per_clip", "Tags per clip", draw.tags_per_clip(per_clip)
    yield "durations", "Durations", draw.durations(tables["durations"])
    if (tables["groups"]["groups"] > 0).any():
        yield "groups", "Artists, albums and songs of the splits", draw.groups(tables["groups"])
    if description.features is None:
        return
    spectra = tables["spectra"]
    shown = [tag for tag in frequent if tag in spectra]
    mean, per_tag = spectra["(all clips)"].to_numpy(), spectra[shown].to_numpy().T
    hertz = spectra["frequency_hz"].to_numpy()
    yield "spectra", "Average spectrum of each tag", draw.spectra(hertz, mean, per_tag, shown)
    yield "variance", "Sample variance of each tag", draw.variance(tables["variance"])
    if (plane := description.projection) is not None:
        labels = description.labels[description.sampled]
        first, second = plane.explained
        axes = f"principal components: {first:.0%} and {second:.0%} of the variance"
        yield "pca", "Clips by principal components", draw.plane(plane.pca, labels, tags, axes)
        axes = f"metric scaling, stress {plane.stress:.2f}"
        points = labels[: len(plane.mds)]
        yield "mds", "Clips by their distances", draw.plane(plane.mds, points, tags, axes)


def context(description: Description, name: str, pages: dict[str, str]) -> dict[str, Any]:
    """Return the variables of the template."""
    corpus, tables = description.corpus, description.tables
    pairs = records(tables["correlated_pairs"]) if "correlated_pairs" in tables else []
    strongest = [pair for pair in pairs[:_STRONGEST] if pair["correlation"] > 0]
    weakest = [pair for pair in pairs[::-1][:_WEAKEST] if pair["correlation"] < 0]
    return {
        "dataset": name,
        "single": corpus.task == "singlelabel",
        "facts": description.facts,
        "n_tags": len(corpus.tags),
        "figures": pages,
        "most_tags": draw.MOST_TAGS,
        "pairs": [("Most correlated", strongest), ("Least", weakest)],
        "groups": [row for row in records(tables["groups"]) if row["groups"]],
        "silent": [row["tag"] for row in records(tables["tags"]) if not row["clips"]],
        "n_sampled": len(description.sampled),
        "n_scaled": min(len(description.sampled), MOST_POINTS),
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
