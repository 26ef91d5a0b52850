from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.audio.sources import FileSource
from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.disk_estimate import estimate_disk
from datamodules.corpus.shards import Item, Job, quantise, write_shard
from datamodules.corpus.track import Track
from tests.support.audio_files import Float32, noise, tone, write
from tests.support.paths import ROOT
from tests.support.progress import ProgressRecorder
from tests.support.sources import TAGS, WatchedSource, reads, run, watched


def digests(corpus: Corpus) -> tuple[str, str, str]:
    return corpus.manifest_digest, corpus.split_digest, corpus.tags_digest


def snr_db(clean: Float32, heard: Float32) -> float:
    error = heard.astype(np.float64) - clean
    return float(10 * np.log10(np.square(clean, dtype=np.float64).sum() / np.square(error).sum()))


# What is stored


@pytest.mark.parametrize("level", [1e-6, 0.01, 0.5, 1.0, 3.7])
def test_int16_keeps_loud_and_quiet_alike(level: float) -> None:
    for audio in (tone(440.0, 1.0, 16000, level), level * noise(1.0, 16000)):
        stored, scale = quantise(audio)
        assert stored.dtype == np.dtype("<i2")
        assert np.abs(stored).max() == 32767
        assert snr_db(audio, stored * scale) > 80
        assert snr_db(audio, audio * np.float32(1.01)) < 80  # 1 % would be seen


def test_silence_stays_silence() -> None:
    stored, scale = quantise(np.zeros(100, dtype=np.float32))
    assert not stored.any()
    assert np.isfinite(scale)
    assert scale > 0


def test_a_corpus_gives_back_what_its_sources_gave(tmp_path: Path) -> None:
    tracks = watched(9)
    tracks[4] = replace(tracks[4], song="")
    corpus = run(tracks[::-1], tmp_path / "c")
    assert list(corpus.frame["track_id"]) == [track.track_id for track in tracks]
    assert list(corpus.frame["tags"]) == [track.tags for track in tracks]
    assert list(corpus.frame["loudness"]) == [track.extra["loudness"] for track in tracks]
    assert corpus.frame["scale"].dtype == np.float32
    assert corpus.frame["shard"].dtype == np.int32
    for row, track in enumerate(tracks):
        audio = track.source.read(16000)
        assert len(corpus.audio(row)) == len(audio) == corpus.frame["samples"][row]
        assert snr_db(audio, corpus.audio(row)) > 80
        np.testing.assert_array_equal(corpus.window(row, 77, 1000), corpus.audio(row)[77:1077])
    valid = corpus.split("valid")
    assert list(valid.index) == [2, 6]
    np.testing.assert_array_equal(corpus.targets("valid"), [[1, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(corpus.targets("test"), [[0, 1, 1], [0, 1, 1]])
    assert corpus.clusters("train")[:3] == ["song:song 0", "artist:artist 1", "artist:artist 4"]
    songs = corpus.clusters("train", "song")
    assert songs == [*["song:song 0"] * 2, "track:t0004", "song:song 2", "song:song 4"]
    assert corpus.clusters("train", "track") == [f"track:t{n:04d}" for n in (0, 1, 4, 5, 8)]
    assert corpus.info["splits"] == {"train": 5, "valid": 2, "test": 2}


def test_a_corpus_is_small_to_pickle_and_maps_anew(tmp_path: Path) -> None:
    corpus = run(watched(8, seconds=2.0), tmp_path / "c")
    expected = corpus.audio(3)
    sent = pickle.dumps(corpus)
    assert len(sent) < 20_000
    np.testing.assert_array_equal(pickle.loads(sent).audio(3), expected)


def test_many_shards_do_not_use_up_descriptors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datamodules.corpus.stored_audio._OPEN_SHARDS", 3)
    corpus = run(watched(10), tmp_path / "c", workers=1)
    assert corpus.frame["shard"].nunique() > 3
    first = [corpus.audio(row) for row in range(10)]
    assert len(corpus.stored_audio._maps) == 3
    for row, audio in enumerate(first):
        np.testing.assert_array_equal(corpus.audio(row), audio)


def test_shards_are_bounded(tmp_path: Path) -> None:
    items = tuple(Item(f"t{i}", "", WatchedSource(i, seconds=1.0)) for i in range(6))
    job = Job(tmp_path, 5, 16000, items, max_bytes=3 * 32000)
    report = write_shard(job, lambda: None)
    assert report.taken == len(report.facts) == 3
    assert (tmp_path / "00005.i16").stat().st_size == sum(2 * f.samples for f in report.facts)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00005.i16", "00005.json"]


def test_a_full_shard_passes_the_rest_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datamodules.corpus.decoding.run.MAX_BYTES", 2 * 16000 + 1)
    log = tmp_path / "log"
    corpus = run(watched(9, log), tmp_path / "c")
    assert set(reads(log).values()) == {1}
    sizes = [path.stat().st_size for path in (tmp_path / "c" / "shards").glob("*.i16")]
    assert max(sizes) <= 2 * 16000 + 2 * 16000
    assert len(corpus) == 9


# What does not matter


def test_digests_depend_on_content_alone(tmp_path: Path) -> None:
    tracks = watched(13)
    here = run(tracks, tmp_path / "a")
    for name, workers in (("b", 1), ("c", 2)):
        there = run(tracks[::-1], tmp_path / name, workers=workers)
        assert digests(there) == digests(here)
        for row in range(13):
            np.testing.assert_array_equal(there.audio(row), here.audio(row))
    placed = {tuple(run(tracks, tmp_path / name).frame["shard"]) for name in "abc"}
    assert len(placed) > 1  # or the test would prove nothing


def test_digests_see_every_change(tmp_path: Path) -> None:
    tracks = watched(8)

    def changed(**values: Any) -> list[Track]:
        return [replace(tracks[0], **values), *tracks[1:]]

    variants = {
        "same": (tracks, {}),
        "split": (changed(split="test"), {}),
        "tags": (changed(tags=("odd",)), {}),
        "artist": (changed(artist="somebody"), {}),
        "audio": (changed(source=WatchedSource(0, version=1)), {}),
        "less": (tracks[1:], {}),
        "rate": (tracks, {"sample_rate": 8000}),
        "order of tags": (tracks, {"tags": TAGS[::-1]}),
    }
    found = {
        name: digests(run(rows, tmp_path / name, **options))
        for name, (rows, options) in variants.items()
    }
    assert len({manifest for manifest, _, _ in found.values()}) == 7
    assert found["order of tags"][0] == found["same"][0]
    assert found["order of tags"][2] != found["same"][2]
    same = {name for name, (_, split, _) in found.items() if split == found["same"][1]}
    assert same == set(variants) - {"split", "less"}


# What is done again, and what is not


def test_a_complete_corpus_opens_at_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    tracks = watched(6, log)
    first = run(tracks, tmp_path / "c")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "c").rglob("*.*")}
    assert digests(run(tracks, tmp_path / "c", workers=2)) == digests(first)
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
    assert digests(corpus) == digests(fresh)
    few = run(watched(2, log), tmp_path / "c")
    assert len(few) == 2
    assert sum(reads(log).values()) == 9
    used = {f"{shard:05d}" for shard in few.frame["shard"]}
    assert {path.stem for path in (tmp_path / "c" / "shards").iterdir()} == used


def test_a_new_stamp_means_a_look_and_a_new_source_means_a_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    tracks = watched(6, log)
    before = run(tracks, tmp_path / "c")
    touched = [replace(track, stamp="later") for track in tracks]
    assert digests(run(touched, tmp_path / "c", workers=2)) == digests(before)
    assert sum(reads(log).values()) == 6
    other = replace(touched[4], source=WatchedSource(4, str(log), version=1), stamp="still later")
    after = run([*touched[:4], other, touched[5]], tmp_path / "c")
    assert reads(log)["noise/0004"] == 2
    assert sum(reads(log).values()) == 7
    assert digests(after) != digests(before)
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
    assert digests(corpus) == digests(run(new, tmp_path / "fresh"))
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
    assert digests(run(tracks, tmp_path / "c")) == digests(before)
    assert 8 < sum(reads(log).values()) < 16


# What goes wrong


def test_broken_files_are_listed_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = write(tmp_path / "good.wav", noise(1.0, 44100), 44100)
    names = {"cut.wav": good.read_bytes()[:5000], "empty.mp3": b"", "text.ogg": b"hello" * 99}
    for name, content in names.items():
        (tmp_path / name).write_bytes(content)
    tracks = [
        Track(name, "train", ("even",), FileSource(tmp_path / name, name))
        for name in ("good.wav", *names, "missing, really.flac")
    ]
    listener = ProgressRecorder()
    corpus = run(tracks, tmp_path / "c", workers=2, progress=listener)
    assert list(corpus.frame["track_id"]) == ["good.wav"]
    assert corpus.info["rejected"] == 4
    assert (tmp_path / "c" / "rejected.csv").read_text().splitlines() == [
        "track_id,source,reason",
        "cut.wav,cut.wav,truncated: 5000 of 88244 bytes are there",
        "empty.mp3,empty.mp3,empty file: 0 bytes",
        '"missing, really.flac","missing, really.flac",missing file',
        "text.ogg,text.ogg,unsupported format: not recognised as audio",
    ]
    assert (listener.total, listener.done) == (5, 5)
    assert listener.said[0].startswith("noise: 5 tracks, about ")
    assert listener.said[-1] == "finished"


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


def test_a_bug_in_a_source_costs_its_track(tmp_path: Path) -> None:
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


def test_a_decoder_that_dies_costs_the_track_it_died_on(tmp_path: Path) -> None:
    log = tmp_path / "log"
    tracks = watched(12, log)
    for bad in (4, 5, 11):
        tracks[bad] = replace(tracks[bad], source=WatchedSource(bad, behaviour="kill"))
    listener = ProgressRecorder()
    corpus = run(tracks, tmp_path / "c", workers=2, progress=listener)
    assert len(corpus) == 9
    rejected = (tmp_path / "c" / "rejected.csv").read_text()
    assert rejected.count("the decoding process exited twice while decoding it (signal 9)") == 3
    assert listener.done == 12
    good = [track for row, track in enumerate(watched(12)) if row not in (4, 5, 11)]
    assert digests(corpus) == digests(run(good, tmp_path / "good"))


def test_a_source_that_cannot_be_sent_is_named(tmp_path: Path) -> None:
    class Local(WatchedSource):
        pass

    with pytest.raises(TagbenchError, match=r"cannot be sent to a decoding process: .*Local"):
        run([replace(watched(1)[0], source=Local(0))], tmp_path / "c", workers=1)


# Killed


SCRIPT = """
import sys
from pathlib import Path
from tests.support.sources import run, watched
folder, workers, limit = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
corpus = run(watched(24, folder / "log", delay_s=0.02), folder / "c", workers=workers)
print(corpus.manifest_digest)
"""


def start(folder: Path, workers: int, limit: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), str(workers), str(limit)],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize("finished", [0, 3])
def test_killed_and_resumed(tmp_path: Path, finished: int) -> None:
    process = start(tmp_path, workers=2)
    shards = tmp_path / "c" / "shards"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if len(list(shards.glob("*.json"))) >= finished and reads(tmp_path / "log"):
            break
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "c" / "corpus.json").exists(), "too late to prove anything"

    tracks = watched(24, tmp_path / "log", delay_s=0.02)
    corpus = run(tracks, tmp_path / "c")
    assert digests(corpus) == digests(run(tracks, tmp_path / "other"))
    assert not list(shards.glob("*.part"))
    counts = reads(tmp_path / "log")
    counts.subtract({track.source.label: 1 for track in tracks})  # those of "other"
    assert min(counts.values()) == 1
    kept = sum(count == 1 for count in counts.values())
    assert kept >= 3 * finished  # 24 tracks for 2 workers: 3 to a shard


def test_workers_end_with_the_process_they_work_for(tmp_path: Path) -> None:
    process = start(tmp_path, workers=2)
    while not reads(tmp_path / "log"):
        time.sleep(0.01)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.kill()
        process.communicate()
        pytest.skip("needs /proc")
    pids = children.read_text().split()
    assert len(pids) == 2
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while any(_alive(int(pid)) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_alive(int(pid)) for pid in pids)


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_full_disk_is_told_and_can_be_resumed(tmp_path: Path) -> None:
    # Six tracks to a shard, and they grow: two shards fit under the limit, two do not.
    _, error = start(tmp_path, workers=1, limit=115_000).communicate(timeout=60)
    assert "TagbenchError: The disk is full" in error
    assert "run the same command again: what is decoded so far is kept" in error
    shards = tmp_path / "c" / "shards"
    assert not list(shards.glob("*.part"))
    kept = sum(len(json.loads(p.read_text())["tracks"]) for p in shards.glob("*.json"))
    assert kept == 12
    before = sum(reads(tmp_path / "log").values())
    corpus = run(watched(24, tmp_path / "log"), tmp_path / "c")
    assert len(corpus) == 24
    assert sum(reads(tmp_path / "log").values()) == before + 24 - kept


def test_two_at_once_do_the_work_once(tmp_path: Path) -> None:
    both = [start(tmp_path, workers=1) for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0]
    assert reads(tmp_path / "log") == {f"noise/{i:04d}": 1 for i in range(24)}


def test_workers_import_neither_torch_nor_the_main_module(tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        f"with Path({str(tmp_path / 'imports')!r}).open('a') as file: file.write('main\\n')\n"
        "from tests.support.sources import run, watched\n"
        f"run(watched(4), Path({str(tmp_path / 'c')!r}), workers=2)\n"
        "import datamodules.corpus.decoding.workers\n"
        "assert 'torch' not in sys.modules\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "imports").read_text() == "main\n"


# What is refused


def test_disk_use_is_estimated_from_headers(tmp_path: Path) -> None:
    write(tmp_path / "x.wav", noise(3.0, 44100), 44100)
    file = Track("x", "train", (), FileSource(tmp_path / "x.wav", "x.wav"))
    known = Track("y", "train", (), WatchedSource(0), seconds=5.0)
    estimate = estimate_disk([file] * 25 + [known] * 25, 16000)
    assert estimate.seconds == pytest.approx(50 * 4.0, rel=1e-6)
    assert estimate.bytes == pytest.approx(50 * 4.0 * 32000, rel=0.01)
    assert str(estimate) == "50 tracks, about 3.3 min of audio, about 6.4 MB"


def test_a_disk_that_is_too_small_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=50_000)
    monkeypatch.setattr("datamodules.common.filesystem.shutil.disk_usage", lambda _: usage)
    with pytest.raises(TagbenchError, match=r"Not enough disk space in .* 50\.0 kB free"):
        run([replace(t, seconds=30.0) for t in watched(4, tmp_path / "log")], tmp_path / "c")
    assert not reads(tmp_path / "log")


def test_the_digest_of_the_samples_does_not_depend_on_the_shards(tmp_path: Path) -> None:
    one, two = (
        run(watched(9), tmp_path / "a", workers=1),
        run(watched(9), tmp_path / "b", workers=3),
    )
    assert one.frame["shard"].nunique() != two.frame["shard"].nunique()
    assert one.info["samples_digest"] == two.info["samples_digest"]
    louder = run(watched(9, seconds=0.4), tmp_path / "c")
    assert louder.info["samples_digest"] != one.info["samples_digest"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "vaild"}, "Unknown split 'vaild' in track 't0001'.*Did you mean 'valid'"),
        ({"tags": ("evn",)}, "Unknown tag 'evn'.*Did you mean 'even'"),
        ({"track_id": "t0000"}, "1 track ids more than once, such as 't0000'"),
        ({"extra": {"scale": 1.0}}, r"must not be called \['scale'\]"),
        ({"extra": {"loudness": "loud"}}, "'loudness' mixes types"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    tracks = watched(3)
    tracks[1] = replace(tracks[1], **change)
    with pytest.raises(TagbenchError, match=message):
        run(tracks, tmp_path / "c")


def test_single_label_means_one_tag(tmp_path: Path) -> None:
    with pytest.raises(TagbenchError, match=r"t0001.* has 2 tags \(odd, other\)"):
        run(watched(3), tmp_path / "c", task="singlelabel")
    with pytest.raises(TagbenchError, match="no tracks"):
        run([], tmp_path / "c")


def test_opening_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TagbenchError, match=r"No prepared corpus .* Run `tagbench prepare`"):
        Corpus.open(tmp_path)
    (tmp_path / "corpus.json").write_text("{")
    with pytest.raises(TagbenchError, match="not readable"):
        Corpus.open(tmp_path)
    (tmp_path / "corpus.json").write_text('{"format": 99}')
    with pytest.raises(TagbenchError, match="has format 99, expected 1"):
        Corpus.open(tmp_path)
    corpus = run(watched(2), tmp_path / "c")
    with pytest.raises(TagbenchError, match="Cannot read samples"):
        corpus.window(0, 7999, 2)
    with pytest.raises(TagbenchError, match="Did you mean 'valid'"):
        corpus.split("val")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
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
