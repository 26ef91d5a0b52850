"""Million Song Dataset: small publishers on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from datamodules.common.errors import TagbenchError
from datamodules.corpus.track import Track
from datamodules.datasets.million_song import MillionSongDataset
from datamodules.labels.vocabularies import MSD_LASTFM50
from tests.support.publishers import msd, relocated
from tests.support.server import ALWAYS, Server, serve

PUBLISHER = msd
SHELL = "cos\nsystem\n(S'true'\ntR."


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return msd.by_clip(tmp_path_factory.mktemp("clips"), range(42))


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    formats = ("wav", "mp3", "flac", "ogg", "npy")
    return msd.by_track(tmp_path_factory.mktemp("songs"), range(42), formats)


def local(server: Server, published: Path, root: Path, **options: object) -> MillionSongDataset:
    cls = relocated(MillionSongDataset, server.url(""), published, expected_by_variant=msd.COUNTS)
    module = cls(root=root, batch_size=4, window=16000, workers=0, **options)
    assert isinstance(module, MillionSongDataset)
    return module


def described(tracks: Sequence[Track]) -> set[tuple[str, str, tuple[str, ...]]]:
    return {(track.track_id, track.split, track.tags) for track in tracks}


def truth(rows: dict[str, list[int]], vocabulary: str, tags: Sequence[str]):
    labels = msd.labels(vocabulary)
    return {
        (msd.IDS[i], split, tuple(tag for tag, on in zip(tags, labels[i], strict=True) if on))
        for split, part in rows.items()
        for i in part
    }


@pytest.mark.parametrize("layout", ["clips", "songs"])
def test_from_lists_to_batches(
    server: Server, published: Path, tmp_path: Path, layout, request
) -> None:
    audio = request.getfixturevalue(layout)
    module = local(server, published, tmp_path, audio_dir=str(audio))
    module.prepare_data()
    assert module.corpus.info["splits"] == {"train": 20, "valid": 5, "test": 7}
    assert module.corpus.info["rejected"] == 0
    assert module.corpus.tags == MSD_LASTFM50
    batch = next(iter(module.train_dataloader()))
    assert batch["audio"].shape == (4, 16000)
    assert batch["targets"].shape == (4, 50)
    assert float(batch["audio"].abs().max()) > 0.05
    frame = module.corpus.frame.set_index("track_id")
    for row in msd.lee()["test"]:
        assert set(frame.loc[msd.IDS[row], "tags"]) == {
            tag for tag, on in zip(MSD_LASTFM50, msd.labels()[row], strict=True) if on
        }
    # Lee's split of Choi's lists needs no pickle, whatever the layout.
    assert not [path for path in server.requests if not path.startswith("choi/")]

    asked = sum(len(requests) for requests in server.requests.values())
    again = local(server, published, tmp_path, audio_dir=str(audio))
    again.prepare_data()
    assert again.corpus.manifest_digest == module.corpus.manifest_digest
    assert sum(len(requests) for requests in server.requests.values()) == asked


def test_lee_is_the_same_from_all_lists(server: Server, published: Path, tmp_path: Path) -> None:
    expected = truth(msd.lee(), "lastfm", MSD_LASTFM50)
    for lists in ("choi", "musicnn", "lee"):
        module = local(server, published, tmp_path, lists=lists)
        assert described(module.build_manifest()) == expected, lists
    assert module.corpus_root == local(server, published, tmp_path).corpus_root


def test_cals_has_tags_of_its_own_and_rows_out_of_order(
    server: Server, published: Path, tmp_path: Path, clips: Path, songs: Path
) -> None:
    rows = {"train": [*range(30, 42)], "valid": [*range(20, 24)], "test": [*range(4, 12)]}
    for audio in (clips, songs):
        module = local(server, published, tmp_path, split="cals", audio_dir=str(audio))
        tracks = module.build_manifest()
        assert described(tracks) == truth(rows, "cals", module.tags)
        assert all(track.stamp for track in tracks)
    assert module.tags != MSD_LASTFM50
    # The 7digital ids of tracks that Choi does not list come from the pickle.
    assert server.asked("lee/MSD_id_to_7D_id.pkl") == 1


def test_choi_keeps_short_clips(server: Server, published: Path, tmp_path: Path) -> None:
    module = local(server, published, tmp_path, split="choi")
    rows = {"train": [*range(20)], "valid": [*range(20, 28)], "test": [*range(28, 36)]}
    assert described(module.build_manifest()) == truth(rows, "lastfm", MSD_LASTFM50)


def test_artists_are_known_where_the_database_is(
    server: Server, published: Path, tmp_path: Path, songs: Path
) -> None:
    def prepared(root: Path, **options: str) -> MillionSongDataset:
        module = local(server, published, root, audio_dir=str(songs), **options)
        module.prepare_data()
        return module

    plain = prepared(tmp_path / "a")
    assert set(plain.corpus.frame["artist"]) == {""}
    found = msd.database(tmp_path / "elsewhere" / "track_metadata.db")
    named = prepared(tmp_path / "b", track_metadata=str(found))
    shutil.copy(found, plain.downloads / "track_metadata.db")
    lying = prepared(tmp_path / "a")
    assert lying.corpus.manifest_digest == named.corpus.manifest_digest
    assert lying.corpus.manifest_digest != plain.corpus.manifest_digest
    frame = lying.corpus.frame.set_index("track_id")
    artists = [frame.loc[msd.IDS[i], "artist"] for i in (4, 6, 8)]
    assert artists == ["AR0000000000000001", "AR0000000000000001", "AR0000000000000002"]
    assert frame.loc[msd.IDS[6], "album"] == "AR0000000000000001:Album 3"
    # Artist 5 has track 21 in train and 23 in valid, and 22 is short.
    assert any("artist" in caution for caution in lying.corpus.info["cautions"])
    assert not any("artist" in caution for caution in plain.corpus.info["cautions"])


def test_a_wrong_database_is_named(server: Server, published: Path, tmp_path: Path) -> None:
    (tmp_path / "tags.db").write_bytes(b"no database at all, but long enough to be read" * 9)
    for name, complaint in (("tags.db", "table songs"), ("absent.db", "no file")):
        module = local(server, published, tmp_path, track_metadata=str(tmp_path / name))
        with pytest.raises(TagbenchError, match=complaint):
            module.build_manifest()


# Audio that is not all there


def test_missing_audio_is_counted_before_anything_is_decoded(
    server: Server, published: Path, tmp_path: Path
) -> None:
    rows = msd.lee()
    have = rows["train"][:18] + rows["valid"] + rows["test"][:6]
    audio = msd.by_track(tmp_path / "audio", have)
    said: list[str] = []
    module = local(server, published, tmp_path / "data", audio_dir=str(audio))
    module.progress.announce = said.append  # type: ignore[method-assign]
    with pytest.raises(TagbenchError, match="18 of 20 train tracks have audio"):
        module.prepare_data()
    assert "no audio for 2 of 20 train, 1 of 7 test tracks" in said[-1]
    absent = msd.IDS[rows["train"][18]]
    assert said[-1].endswith(f"{absent[2]}/{absent[3]}/{absent[4]}/{absent}.mp3")
    assert not list((tmp_path / "data").rglob("*.i16"))

    module = local(server, published, tmp_path / "data", audio_dir=str(audio), partial=True)
    module.progress.announce = said.append  # type: ignore[method-assign]
    module.prepare_data()
    assert module.corpus.info["splits"] == {"train": 18, "valid": 5, "test": 6}
    assert "This is not the published split" in said[-1]


def test_a_few_may_be_missing(server: Server, published: Path, tmp_path: Path) -> None:
    rows = [row for part in msd.lee().values() for row in part]
    audio = msd.by_clip(tmp_path / "audio", rows[1:], seconds=1.5)
    module = local(server, published, tmp_path / "data", audio_dir=str(audio))
    type(module).least_share = 0.95
    module.prepare_data()
    assert module.corpus.info["splits"]["train"] == 19


def test_without_audio_the_message_says_what_to_do(
    server: Server, published: Path, tmp_path: Path
) -> None:
    module = local(server, published, tmp_path)
    with pytest.raises(TagbenchError, match=r"bring your own.*--audio-dir FOLDER"):
        module.prepare_data()


# Downloads and lists that are not what they should be


def test_a_broken_connection_is_continued(server: Server, published: Path, tmp_path: Path) -> None:
    size = (published / "choi/test_y.npy").stat().st_size
    server.misbehave("choi/test_y.npy", break_after=size // 3, breaks=2)
    module = local(server, published, tmp_path)
    assert len(module.build_manifest()) == 32
    assert server.sent["choi/test_y.npy"] == size


@pytest.mark.parametrize(
    ("file", "manner", "complaint"),
    [
        ("choi/valid_y.npy", {"wrong": True}, "NumPy array"),
        ("choi/test_x_msd_id.txt", {"html": True}, "HTML"),
        ("choi/train_y.npy", {"failures": ALWAYS}, "404"),
    ],
)
def test_a_bad_server_gives_no_corpus(
    server: Server, published: Path, tmp_path: Path, songs: Path, file, manner, complaint
) -> None:
    server.misbehave(file, **manner)
    module = local(server, published, tmp_path, audio_dir=str(songs))
    with pytest.raises(TagbenchError, match=complaint) as caught:
        module.prepare_data()
    assert file in str(caught.value)
    assert "https://github.com/keunwoochoi/MSD_split_for_tagging" in str(caught.value)
    assert not list(tmp_path.rglob("corpus.json"))


@pytest.mark.parametrize(
    ("options", "file", "content", "complaint"),
    [
        ({}, "choi/train_y.npy", np.zeros((20, 49), dtype=bool), r"shape \(20, 50\).*\(20, 49\)"),
        ({}, "choi/train_y.npy", np.full((20, 50), 0.5), "only 0 and 1"),
        ({}, "choi/train_y.npy", np.array([{}], dtype=object), "expected an array"),
        ({}, "choi/valid_x_msd_id.txt", "TRAAAAK128F9318786\n3/9/3974574.npy\n", "entry 2"),
        ({}, "choi/valid_x_7d_id.txt", "1\n2\n", "8 lines, one for each track, not 2"),
        ({}, "choi/valid_x_7d_id.txt", "1\n../2\n", "line 2: expected a 7digital id"),
        ({"lists": "musicnn"}, "musicnn/val_gt_msd.tsv", f"{msd.IDS[0]}\t[0, 1]\n", "50 labels"),
        ({"lists": "musicnn"}, "musicnn/val_gt_msd.tsv", f"{msd.IDS[0]} [0]\n", "line 1"),
        ({"lists": "lee"}, "lee/filtered_list_test.cP", "(dp1\n.", "expected a list, found dict"),
        ({"lists": "lee"}, "lee/msd_id_to_tag_vector.cP", "(dp1\n.", "32 tracks are missing"),
        (
            {"lists": "lee"},
            "lee/msd_id_to_tag_vector.cP",
            "cos\nsystem\n(S'true'\ntR.",
            "os.system",
        ),
        ({"split": "cals"}, "cals/test_ids.npy", np.array(["../../x"]), "MSD track id"),
    ],
)
def test_a_list_that_is_not_the_publishers(
    published: Path, tmp_path: Path, options, file, content, complaint
) -> None:
    folder = Path(shutil.copytree(published, tmp_path / "served"))
    if isinstance(content, str):
        (folder / file).write_text(content)
    else:
        np.save(folder / file, content)
    with serve(folder) as running:
        module = local(running, folder, tmp_path / "data", **options)
        with pytest.raises(TagbenchError, match=complaint) as caught:
            module.build_manifest()
    assert file in str(caught.value)


def test_other_tracks_are_not_the_published_split(
    server: Server, published: Path, tmp_path: Path
) -> None:
    module = local(server, published, tmp_path)
    type(module).expected_by_variant = MillionSongDataset.expected_by_variant
    with pytest.raises(TagbenchError, match="train: expected 201,680 tracks, found 25"):
        module.build_manifest()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"split": "chio"}, "Did you mean 'choi'"),
        ({"lists": "pons"}, "Unknown lists 'pons'"),
        ({"split": "cals", "lists": "lee"}, "only the split lee"),
    ],
)
def test_wrong_parameters(tmp_path: Path, options, complaint) -> None:
    with pytest.raises(TagbenchError, match=complaint):
        MillionSongDataset(root=tmp_path, **options)
