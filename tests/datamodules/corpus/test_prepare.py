"""Preparing a corpus: what is decoded again, and what is rejected."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datamodules.audio.sources import FileSource
from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import Track
from tests.support.audio_files import noise, snr_db, write
from tests.support.progress import ProgressRecorder
from tests.support.sources import WatchedSource, corpus_digests, reads, run, watched


def test_a_complete_corpus_opens_at_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    tracks = watched(6, log)
    first = run(tracks, tmp_path / "c")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "c").rglob("*.*")}
    assert corpus_digests(run(tracks, tmp_path / "c", workers=2)) == corpus_digests(first)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "c").rglob("*.*")} == before
    assert set(reads(log).values()) == {1}


def test_only_what_is_new_is_decoded(tmp_path: Path) -> None:
    log = tmp_path / "log"
    run(watched(6, log), tmp_path / "c")
    relabelled = [replace(t, split="train", tags=("odd",)) for t in watched(6, log)]
    assert set(run(relabelled, tmp_path / "c").frame["split"]) == {"train"}
    assert sum(reads(log).values()) == 6
    corpus = run(watched(9, log), tmp_path / "c")
    assert reads(log) == {f"noise/{i:04d}": 1 for i in range(9)}
    fresh = run(watched(9), tmp_path / "fresh")
    assert corpus_digests(corpus) == corpus_digests(fresh)
    few = run(watched(2, log), tmp_path / "c")
    assert len(few) == 2
    assert sum(reads(log).values()) == 9
    used = {f"{shard:05d}" for shard in few.frame["shard"]}
    assert {path.stem for path in (tmp_path / "c" / "shards").iterdir()} == used


def test_a_new_stamp_is_hashed_and_only_a_new_digest_is_decoded(tmp_path: Path) -> None:
    log = tmp_path / "log"
    tracks = watched(6, log)
    before = run(tracks, tmp_path / "c")
    touched = [replace(track, stamp="later") for track in tracks]
    assert corpus_digests(run(touched, tmp_path / "c", workers=2)) == corpus_digests(before)
    assert sum(reads(log).values()) == 6
    other = replace(touched[4], source=WatchedSource(4, str(log), version=1), stamp="still later")
    after = run([*touched[:4], other, touched[5]], tmp_path / "c")
    assert reads(log)["noise/0004"] == 2
    assert sum(reads(log).values()) == 7
    assert corpus_digests(after) != corpus_digests(before)
    assert snr_db(other.source.read(16000), after.audio(4)) > 80
    np.testing.assert_array_equal(after.audio(5), before.audio(5))


def test_shards_of_another_version_are_linked(tmp_path: Path) -> None:
    log = tmp_path / "log"
    run(watched(8, log), tmp_path / "old")
    new = watched(10, log)
    new[3] = replace(new[3], source=WatchedSource(3, str(log), version=1))
    donors = [tmp_path / "old", tmp_path / "new", tmp_path / "nowhere"]
    corpus = run(new, tmp_path / "new", donors=donors)
    assert sum(reads(log).values()) == 8 + 2 + 1
    assert corpus_digests(corpus) == corpus_digests(run(new, tmp_path / "fresh"))
    linked = [p for p in (tmp_path / "new" / "shards").glob("*.i16") if p.stat().st_nlink == 2]
    assert linked
    shutil.rmtree(tmp_path / "old")
    assert snr_db(new[5].source.read(16000), corpus.audio(5)) > 80


def test_what_was_lost_on_disk_is_decoded_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    tracks = watched(8, log)
    before = run(tracks, tmp_path / "c", workers=1)
    shards = tmp_path / "c" / "shards"
    victims = sorted(shards.glob("*.i16"))
    victims[0].unlink()
    victims[1].write_bytes(victims[1].read_bytes()[:-2])
    sorted(shards.glob("*.json"))[2].write_text("{")
    with pytest.raises(TagbenchError, match=r"Cannot read a shard of the corpus.*00000.i16"):
        Corpus.open(tmp_path / "c").audio(0)
    (tmp_path / "c" / "corpus.json").unlink()
    assert corpus_digests(run(tracks, tmp_path / "c")) == corpus_digests(before)
    assert 8 < sum(reads(log).values()) < 16


def test_broken_files_are_listed_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = write(tmp_path / "good.wav", noise(1.0, 44100), 44100)
    names = {"cut.wav": good.read_bytes()[:5000], "empty.mp3": b"", "text.ogg": b"hello" * 99}
    for name, content in names.items():
        (tmp_path / name).write_bytes(content)
    tracks = [
        Track(name, "train", ("even",), FileSource(tmp_path / name, name))
        for name in ("good.wav", *names, "missing, really.flac")
    ]
    progress = ProgressRecorder()
    corpus = run(tracks, tmp_path / "c", workers=2, progress=progress)
    assert list(corpus.frame["track_id"]) == ["good.wav"]
    assert corpus.info["rejected"] == 4
    assert (tmp_path / "c" / "rejected.csv").read_text().splitlines() == [
        "track_id,source,reason",
        "cut.wav,cut.wav,truncated: 5000 of 88244 bytes are there",
        "empty.mp3,empty.mp3,empty file: 0 bytes",
        '"missing, really.flac","missing, really.flac",missing file',
        "text.ogg,text.ogg,unsupported format: not recognised as audio",
    ]
    assert (progress.total, progress.done) == (5, 5)
    assert progress.said[0].startswith("noise: 5 tracks, about ")
    assert progress.said[-1] == "finished"


def test_what_could_not_be_reached_is_tried_again(tmp_path: Path) -> None:
    good = write(tmp_path / "good.wav", noise(1.0, 16000), 16000)
    tracks = [
        Track(name, "train", ("even",), FileSource(tmp_path / name, name))
        for name in ("good.wav", "late.wav")
    ]
    assert len(run(tracks, tmp_path / "c")) == 1
    shutil.copy(good, tmp_path / "late.wav")
    stamped = [replace(t, stamp=FileSource(tmp_path / t.track_id, "").stamp()) for t in tracks]
    corpus = run(stamped, tmp_path / "c")
    assert len(corpus) == 2
    assert corpus.info["rejected"] == 0


def test_an_exception_in_a_source_rejects_only_its_track(tmp_path: Path) -> None:
    tracks = watched(4)
    tracks[1] = replace(tracks[1], source=WatchedSource(1, behaviour="bug"))
    corpus = run(tracks, tmp_path / "c")
    assert len(corpus) == 3
    assert "ZeroDivisionError: on purpose" in (tmp_path / "c" / "rejected.csv").read_text()


def test_nothing_left_is_an_error(tmp_path: Path) -> None:
    tracks = watched(3, behaviour="corrupt")
    with pytest.raises(TagbenchError, match=r"None of the 3 tracks .* noise/0000: corrupt: on pur"):
        run(tracks, tmp_path / "c")
    assert not (tmp_path / "c" / "corpus.json").exists()


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TagbenchError, match="could not be written"):
        run(watched(1), tmp_path / "file" / "c")


def test_all_real_clips(shared_data: Path, tmp_path: Path) -> None:
    files = [*(shared_data / "audio").iterdir(), *(shared_data / "audio_edge").iterdir()]
    tracks = [
        Track(path.name, "train", ("even",), FileSource(path, f"{path.parent.name}/{path.name}"))
        for path in files
    ]
    corpus = run(tracks, tmp_path / "c", workers=2)
    rejected = (tmp_path / "c" / "rejected.csv").read_text().splitlines()[1:]
    assert {line.split(",")[0] for line in rejected} == {
        "MANIFEST.tsv", "4channels.flac", "empty.mp3", "empty.ogg", "empty.wav",
    }  # fmt: skip
    assert len(corpus) == 22 + 3
    for row, track_id in enumerate(corpus.track_ids):
        source = next(track.source for track in tracks if track.track_id == track_id)
        assert snr_db(source.read(16000), corpus.audio(row)) > 70  # quiet parts of loud music
