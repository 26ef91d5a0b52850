"""The lists that FMA publishes."""

from __future__ import annotations

import csv
import zipfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from datamodules.audio.sources import KnownBad
from datamodules.corpus.validation import check_tracks
from datamodules.datasets.fma import FMA
from datamodules.labels.vocabularies import FMA_MEDIUM, FMA_SMALL
from tests.support.publishers import relocated
from tests.support.server import serve

SIZES = ("small", "medium", "large", "full")


@pytest.fixture(scope="module")
def real(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, FMA]]:
    """The lists of medium, in the publisher's form."""
    source = shared_data / "fma" / "fma_metadata"
    root = tmp_path_factory.mktemp("real")
    served = root / "served"
    served.mkdir()
    with zipfile.ZipFile(served / "fma_metadata.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.write(source / "tracks_medium_reconstructed.csv", "fma_metadata/tracks.csv")
        file.write(source / "genres.csv", "fma_metadata/genres.csv")
    with serve(served) as server:
        cls = relocated(FMA, server.url(""), served)
        # One module a size, whose list is read once.
        modules = {size: cls(size=size, root=root / "data") for size in SIZES}  # type: ignore[call-arg]
        for module in modules.values():
            module.list_tracks = cache(module.list_tracks)  # type: ignore[method-assign]
        yield modules


class TestRealLists:
    @pytest.mark.parametrize(
        ("size", "counts"),
        [("small", (6400, 800, 800)), ("medium", (19922, 2505, 2573))],
    )
    def test_counts_and_digests_are_the_published_ones(
        self, real: dict[str, FMA], size: str, counts: tuple[int, int, int]
    ) -> None:
        tracks = real[size].build_manifest()  # proves counts and digest without the errata
        assert FMA.expected_by_variant[size].digest
        have = Counter(track.split for track in tracks)
        assert (have["train"], have["valid"], have["test"]) == counts
        assert sum(isinstance(track.source, KnownBad) for track in tracks) == {
            "small": 3, "medium": 17,
        }[size]  # fmt: skip
        module = real[size]
        check_tracks(tracks, module.tags, module.task, "fma")
        assert len(module.tags) == module.expected.classes

    def test_small_is_balanced(self, real: dict[str, FMA]) -> None:
        genres = Counter((track.split, *track.tags) for track in real["small"].list_tracks())
        assert genres == {
            (split, genre): count
            for genre in FMA_SMALL
            for split, count in (("train", 800), ("valid", 100), ("test", 100))
        }

    def test_genres_of_medium(self, real: dict[str, FMA]) -> None:
        genres = Counter(track.tags[0] for track in real["medium"].list_tracks())
        assert genres == {
            "Rock": 7103, "Electronic": 6314, "Experimental": 2251, "Hip-Hop": 2201, "Folk": 1519,
            "Instrumental": 1350, "Pop": 1186, "International": 1018, "Classical": 619,
            "Old-Time / Historic": 510, "Jazz": 384, "Country": 178, "Soul-RnB": 154,
            "Spoken": 118, "Blues": 74, "Easy Listening": 21,
        }  # fmt: skip

    def test_split_and_genre_are_those_that_others_use(
        self, real: dict[str, FMA], shared_data: Path
    ) -> None:
        text = (shared_data / "fma" / "eldrin_FMA_medium_split.tsv").read_text()
        theirs = {
            str(int(Path(path).stem)): (split, genre)
            for _, path, split, genre in csv.reader(text.splitlines(), delimiter="\t")
        }
        ours = {t.track_id: (t.split, t.tags[0]) for t in real["medium"].list_tracks()}
        assert len(ours) == 25_000
        assert theirs == ours

    def test_errata_are_what_others_could_not_decode(
        self, real: dict[str, FMA], shared_data: Path
    ) -> None:
        decoded = set()
        for size in ("small", "medium"):
            path = shared_data / "fma" / f"siamusic_tracks_{size}.csv"
            with path.open(encoding="utf-8") as lines:
                decoded |= {row["track_id"] for row in csv.DictReader(lines)}
        listed = {track.track_id for track in real["medium"].list_tracks()}
        assert listed - decoded == FMA.errata.keys()

    def test_sizes_are_nested(self, real: dict[str, FMA]) -> None:
        small, medium, large, full = (
            {t.track_id: (t.split, t.source.label) for t in real[size].list_tracks()}
            for size in SIZES
        )
        assert small.items() < medium.items()
        assert medium == large
        assert full == {track: (split, f"full/{path}") for track, (split, path) in large.items()}

    def test_genres_hold_what_they_belong_to(self, real: dict[str, FMA], shared_data: Path) -> None:
        with (shared_data / "fma" / "fma_metadata" / "genres.csv").open(encoding="utf-8") as lines:
            rows = {row["genre_id"]: row for row in csv.DictReader(lines)}
        parents = {
            r["title"]: rows[r["parent"]]["title"] for r in rows.values() if r["parent"] > "0"
        }
        roots = {row["title"] for row in rows.values() if row["parent"] == "0"}
        module = real["large"]
        assert len(module.tags) == len(set(module.tags)) == 161
        assert module.tags[:3] == ("Avant-Garde", "International", "Blues")
        assert module.tags[-1] == "Instrumental"
        assert roots == set(FMA_MEDIUM) < set(module.tags)
        top = {track.track_id: track.tags[0] for track in real["medium"].list_tracks()}
        used = set()
        for track in module.list_tracks():
            tags = set(track.tags)
            assert {parents[tag] for tag in tags if tag in parents} <= tags
            assert tags & roots == {top[track.track_id]}
            used |= tags
        assert len(used) == 151
