"""The official lists of MTG-Jamendo."""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from datamodules.corpus.track import SPLITS as SPLIT_NAMES
from datamodules.datasets.mtg_jamendo import Jamendo
from datamodules.download.remote_file import RemoteFile
from datamodules.labels.vocabularies import JAMENDO_TOP50
from tests.support.served_jamendo import MOOD

# Tags, train, validation, test, artists: of the article, counted in the official lists.
COUNTS = {
    "all": (183, 3565, [
        (32859, 11101, 11565), (33007, 10937, 11581), (32616, 12246, 10663),
        (33747, 10757, 11021), (31509, 11893, 12123),
    ]),
    "top50": (50, 3517, [
        (32136, 10888, 11356), (32395, 10619, 11366), (32010, 11961, 10409),
        (33173, 10468, 10739), (30868, 11593, 11919),
    ]),
    "genre": (87, 3546, [
        (32572, 11043, 11479), (32746, 10833, 11515), (32360, 12185, 10549),
        (33515, 10656, 10923), (31305, 11804, 11985),
    ]),
    "instrument": (40, 2003, [
        (14395, 5466, 5115), (14943, 4960, 5073), (14702, 5066, 5208),
        (14875, 5068, 5033), (14829, 5159, 4988),
    ]),
    "moodtheme": (56, 1508, [
        (9949, 3802, 4231), (10190, 3594, 4198), (10484, 4085, 3413),
        (10920, 3500, 3562), (10241, 3706, 4035),
    ]),
}  # fmt: skip


@pytest.fixture(scope="session")
def official(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The publisher's ``data`` folder."""
    archive = shared_data / "mtg_jamendo" / "metadata.tar.xz"
    if not archive.is_file():
        pytest.skip(f"{archive} is not here")
    folder = tmp_path_factory.mktemp("official")
    with tarfile.open(archive) as tar:
        members = [
            m for m in tar if m.name.startswith(("./data/splits", "./data/download", "./data/tags"))
        ]
        tar.extractall(folder, members, filter="data")
    return folder / "data"


@pytest.fixture
def at_hand(official: Path, tmp_path: Path) -> Path:
    """A data root in which the official lists are downloaded already."""
    downloads = tmp_path / "downloads" / "jamendo"
    downloads.mkdir(parents=True)
    for name in ("splits", "download"):
        (downloads / name).symlink_to(official / name)
    return tmp_path


def digest(split: Iterable[tuple[str, str]]) -> str:
    """Return the split digest, from its description: one JSON array a line, after a context."""
    lines = (f'["{track_id}","{part}"]\n' for track_id, part in sorted(split))
    return hashlib.sha256(f"[]\n{''.join(lines)}".encode()).hexdigest()


@pytest.mark.parametrize("subset", COUNTS)
def test_official_lists_give_the_published_counts(subset: str, at_hand: Path) -> None:
    classes, artists, splits = COUNTS[subset]
    ids = set()
    for split, counts in enumerate(splits):
        made = Jamendo(root=at_hand, subset=subset, split=split)  # type: ignore[arg-type]
        listed = list(made.entries())
        parts = {name: [row for row in listed if row.split == name] for name in SPLIT_NAMES}
        assert tuple(map(len, parts.values())) == tuple(made.expected.counts.values()) == counts
        assert digest((row.track_id, row.split) for row in listed) == made.expected.digest
        groups = [{row.artist for row in rows} for rows in parts.values()]
        assert sum(map(len, groups)) == len(set.union(*groups)) == artists
        found = [{tag for row in rows for tag in row.tags} for rows in parts.values()]
        assert found[0] == found[1] == found[2]
        assert len(found[0]) == made.expected.classes == classes
        hours = sum(row.seconds or 0 for row in listed) / 3600
        assert made.expected.hours == round(hours)
        ids.add(frozenset(row.track_id for row in listed))
        if split == 0:
            assert made.tags == tuple(sorted(found[0]))
    assert len(ids) == 1


def test_every_official_list_has_its_checksum(official: Path) -> None:
    remotes: list[RemoteFile] = [remote for lists in Jamendo.lists.values() for remote in lists]
    remotes += [remote for remote in Jamendo.checksum_lists.values() if remote.checksum]
    assert len(remotes) == len({remote.checksum for remote in remotes}) == 75 + 6
    for remote in remotes:
        content = (official / remote.name).read_bytes()
        assert remote.checksum == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert remote.urls[0].endswith(f"/data/{remote.name}")


def test_the_fifty_tags_are_those_of_the_publisher(official: Path) -> None:
    assert tuple((official / "tags" / "top50.txt").read_text().split()) == JAMENDO_TOP50


@pytest.mark.parametrize("audio", ["audio-low", "audio"])
def test_official_checksums_cover_every_track_of_moodtheme(audio: str, at_hand: Path) -> None:
    made = Jamendo(root=at_hand, subset="moodtheme", audio=audio)  # type: ignore[arg-type]
    tracks = made.build_manifest()
    stamps = {track.track_id: track.stamp for track in tracks}
    assert all(re.fullmatch("fixed:[0-9a-f]{64}", stamp) for stamp in stamps.values())
    # Of 17,982 files, 117 groups are copies of each other or of tracks outside the splits.
    assert 17982 - 126 <= len(set(stamps.values())) < 17982
    for track in tracks[::1000]:
        number = int(track.track_id.removeprefix("track_"))
        suffix = ".low.mp3" if audio == "audio-low" else ".mp3"
        assert track.source.label == f"{number % 100:02d}/{number}{suffix}"


def test_the_archives_of_a_subset_are_the_publishers(at_hand: Path) -> None:
    made = Jamendo(root=at_hand, subset="moodtheme")
    tar = made.archive_set.archive("07").archive
    assert tar.urls == (
        f"https://cdn.freesound.org/mtg-jamendo/{MOOD}-07.tar",
        f"https://essentia.upf.edu/documentation/datasets/mtg-jamendo/{MOOD}-07.tar",
    )
    text = (
        at_hand / f"downloads/jamendo/download/{MOOD.split('/')[-1]}_sha256_tars.txt"
    ).read_text()
    assert f"{tar.checksum.removeprefix('sha256:')} {tar.name}\n" in text


def test_tables_are_complete() -> None:
    assert set(Jamendo.lists) == {f"{subset}/{split}" for subset in COUNTS for split in range(5)}
    assert len({expected.digest for expected in Jamendo.expected_by_variant.values()}) == 25
    assert len(Jamendo.checksum_lists) == 8
