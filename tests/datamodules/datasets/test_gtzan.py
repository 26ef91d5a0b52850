"""GTZAN: a small publisher on this machine."""

from __future__ import annotations

import io
import re
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from datamodules.common.errors import TagbenchError
from datamodules.corpus.completeness import Expected
from datamodules.corpus.track import SPLITS
from datamodules.datasets.gtzan import Gtzan
from tests.support.progress import ProgressRecorder
from tests.support.publishers import gtzan, relocated
from tests.support.server import ALWAYS, Server

PUBLISHER = gtzan
FOLDS = ("fold1", "fold2", "fold3")
# Six clips of each genre, two of each artist, one artist of each genre in each fold.
FAKE = {fold: Expected(10, 20, 20, 20) for fold in FOLDS}
Make = Callable[..., Gtzan]


@pytest.fixture
def make(server: Server, tmp_path: Path) -> Make:
    """Makes the dataset as the server has it."""

    def make(split: str = "fold1", **options: Any) -> Gtzan:
        copy = replace(Gtzan.copy, urls=(server.url(Gtzan.copy.name),))
        cls = relocated(Gtzan, server.url(""), server.folder, expected_by_variant=FAKE, copy=copy)
        data = cls(split=split, root=tmp_path / "data", workers=1, **options)  # type: ignore[call-arg]
        data.progress = ProgressRecorder()
        return data  # type: ignore[return-value]

    return make


def said(data: Gtzan) -> str:
    assert isinstance(data.progress, ProgressRecorder)
    return "\n".join(data.progress.said)


def splits_of(data: Gtzan) -> dict[str, int]:
    return {split: data.corpus.info["splits"][split] for split in SPLITS}


class TestDownload:
    def test_from_nothing_to_a_corpus_and_no_further_request(
        self, make: Make, server: Server
    ) -> None:
        data = make()
        data.prepare_data()
        assert splits_of(data) == {"train": 20, "valid": 20, "test": 20}
        assert data.corpus.task == "singlelabel"
        assert data.corpus.tags == gtzan.GENRES
        assert set(data.corpus.samples) == {2 * 16000}
        assert data.corpus.info["cautions"] == []
        found = sorted(path.name for path in data.audio_root.rglob("[!.]*") if path.is_file())
        assert found == [f"{g}.{n:05d}.wav" for g in gtzan.GENRES for n in range(6)]
        assert server.asked("genres-copy.tar.gz") == 0
        server.requests.clear()
        for fold in FOLDS:  # they share lists and audio
            make(fold).prepare_data()
        assert not server.requests

    def test_a_broken_connection_is_continued(self, make: Make, server: Server) -> None:
        size = (server.folder / "genres.tar.gz").stat().st_size
        server.misbehave("genres.tar.gz", break_after=size // 2, breaks=1)
        data = make()
        data.prepare_data()
        assert server.sent["genres.tar.gz"] == size
        assert splits_of(data)["test"] == 20

    def test_a_copy_stands_in_for_the_original(self, make: Make, server: Server) -> None:
        """As it is today: the original's address is dead, the copy has junk and a cut clip."""
        server.misbehave("genres.tar.gz", failures=ALWAYS)
        data = make(partial=True)
        data.prepare_data()
        assert "genres.tar.gz could not be downloaded" in said(data)
        assert "404" in said(data)
        assert "genres-copy.tar.gz is not the original archive (sha256:" in said(data)
        rejected = (data.corpus_root / "rejected.csv").read_text().splitlines()[1:]
        assert len(rejected) == 1
        assert rejected[0].startswith("jazz.00005,genres/jazz/jazz.00005.wav,truncated")
        assert "jazz.00005" in said(data)
        assert sum(splits_of(data).values()) == 59
        server.requests.clear()
        again = make("fold2", partial=True)
        again.prepare_data()
        assert not server.requests
        assert "to be downloaded" not in said(again)

    def test_a_copy_that_is_the_original_is_none_to_speak_of(
        self, make: Make, server: Server
    ) -> None:
        data = make()
        shutil.copy(server.folder / "genres.tar.gz", server.folder / "genres-copy.tar.gz")
        server.misbehave("genres.tar.gz", failures=ALWAYS)
        data.prepare_data()
        assert "Trying a copy" in said(data)
        assert "not the original" not in said(data)
        assert splits_of(data) == {"train": 20, "valid": 20, "test": 20}

    def test_an_archive_put_there_by_hand(self, make: Make, server: Server) -> None:
        data = make()
        data.downloads.mkdir(parents=True)
        gtzan.kaggle(data.downloads / "genres-copy.tar.gz")
        data.prepare_data()
        assert splits_of(data) == {"train": 20, "valid": 20, "test": 20}
        assert not server.asked("genres.tar.gz")
        assert not server.asked("genres-copy.tar.gz")

    @pytest.mark.parametrize(
        ("manner", "complaint"),
        [
            ({"html": True}, "HTML page"),
            ({"failures": ALWAYS}, "404"),
            ({"wrong": True}, "a file that is not|sha256"),
        ],
    )
    def test_where_nothing_can_be_had_there_is_no_corpus(
        self, make: Make, server: Server, manner: dict[str, Any], complaint: str
    ) -> None:
        server.misbehave("genres.tar.gz", **manner)
        server.misbehave("genres-copy.tar.gz", failures=ALWAYS)
        data = make()
        with pytest.raises(TagbenchError, match="Neither the original archive") as caught:
            data.prepare_data()
        assert str(data.downloads / "genres-copy.tar.gz") in str(caught.value)
        assert "--audio-dir FOLDER" in str(caught.value)
        assert re.search(complaint, said(data))
        assert not (data.corpus_root / "corpus.json").exists()

    def test_a_page_in_place_of_the_copy_is_no_archive(self, make: Make, server: Server) -> None:
        server.misbehave("genres.tar.gz", failures=ALWAYS)
        server.misbehave("genres-copy.tar.gz", html=True)
        data = make()
        with pytest.raises(TagbenchError, match="HTML page"):
            data.prepare_data()
        assert not (data.downloads / "genres-copy.tar.gz").exists()

    def test_a_climbing_member_is_refused(self, make: Make, server: Server, tmp_path: Path) -> None:
        with tarfile.open(server.folder / "genres.tar.gz", "w:gz") as archive:
            for name in ("genres/blues/blues.00000.wav", "../../../blues.00001.wav"):
                content = gtzan.clip("blues", 0, 0.5)
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        data = make()
        with pytest.raises(TagbenchError, match=r"blues\.00001\.wav"):
            data.prepare_data()
        assert not (data.corpus_root / "corpus.json").exists()
        assert not list(tmp_path.rglob("*.wav"))

    def test_lists_that_cannot_be_had(self, make: Make, server: Server) -> None:
        server.misbehave("foleiss/f2_evaluate_groups.txt", failures=ALWAYS)
        data = make()
        with pytest.raises(TagbenchError, match=r"f2_evaluate_groups\.txt could not be downloaded"):
            data.prepare_data()
        shutil.copy(
            server.folder / "foleiss" / "f2_evaluate_groups.txt", data.downloads / "foleiss"
        )
        data.prepare_data()
        assert splits_of(data)["test"] == 20


class TestDirectory:
    def test_any_layout_suffix_and_spelling_and_junk(self, tmp_path: Path) -> None:
        """The whole fault-filtered split, with what is found in copies that go round."""
        audio = tmp_path / "GTZAN" / "Data" / "genres_original"
        kinds = {"blues": "AU", "classical": "MP3"}
        for genre in gtzan.GENRES:
            folder = audio / ("hip-hop" if genre == "hiphop" else genre)
            folder.mkdir(parents=True)
            (folder / f"._{genre}.00000.wav").write_bytes(gtzan.APPLE_DOUBLE)
            (folder / ".DS_Store").write_bytes(b"junk")
            (folder / f"{genre}.mf").write_bytes(b"junk")
            kind = kinds.get(genre, "WAV")
            for number in range(100):
                spelt = "hip-hop" if genre == "hiphop" and number % 2 else genre
                file = folder / f"{spelt}.{number:05d}.{kind.lower()}"
                file.write_bytes(gtzan.clip(genre, number, 0.1, kind))
        cut = audio / "jazz" / "jazz.00054.wav"
        cut.write_bytes(cut.read_bytes()[:1000])
        # An older copy of a clip beside the newer one.
        (audio / "rock" / "rock.00000.au").write_bytes(gtzan.clip("pop", 0, 0.1, "AU"))

        data = Gtzan(root=tmp_path / "data", audio_dir=str(tmp_path / "GTZAN"), workers=1)
        data.progress = ProgressRecorder()
        data.prepare_data()
        assert splits_of(data) == {"train": 442, "valid": 197, "test": 290}
        assert "1 of 443 train tracks are missing (jazz.00054); " in said(data)
        assert "truncated" in (data.corpus_root / "rejected.csv").read_text()
        sources = dict(zip(data.corpus.frame["track_id"], data.corpus.frame["source"], strict=True))
        assert sources["hiphop.00003"] == "genres/hiphop/hiphop.00003.wav"
        tracks = {track.track_id: track for track in data.list_tracks()}
        assert tracks["rock.00000"].source.path.suffix == ".wav"
        assert tracks["hiphop.00003"].source.path.name == "hip-hop.00003.wav"

    def test_a_folder_without_the_clips(self, tmp_path: Path) -> None:
        data = Gtzan(root=tmp_path / "data", audio_dir=str(tmp_path))
        data.progress = ProgressRecorder()
        with pytest.raises(TagbenchError, match="0 of 443 train tracks have audio"):
            data.prepare_data()
        assert "such as" in said(data)
        with pytest.raises(TagbenchError, match="no such folder"):
            Gtzan(root=tmp_path, audio_dir=str(tmp_path / "absent")).build_manifest()


def test_wrong_parameters_and_lists(make: Make, server: Server, tmp_path: Path) -> None:
    with pytest.raises(TagbenchError, match=r"Did you mean 'fold1'\?"):
        Gtzan(root=tmp_path, split="fold_1")  # type: ignore[arg-type]
    path = server.folder / "foleiss" / "f3_evaluate_groups.txt"
    path.write_text("./blues_00002.wav\t2\n./polka_00002.wav\t3\n")
    with pytest.raises(TagbenchError, match=r"f3_evaluate_groups\.txt, line 2: expected a clip"):
        make().list_tracks()
