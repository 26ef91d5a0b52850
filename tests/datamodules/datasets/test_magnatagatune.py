"""MagnaTagATune: the official annotations, and a small publisher on this machine."""

from __future__ import annotations

import csv
import gzip
import io
import os
import subprocess
import sys
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from datamodules.common.errors import TagbenchError
from datamodules.corpus.audit import audit
from datamodules.corpus.completeness import Expected, check_complete
from datamodules.datasets.magnatagatune import MagnaTagATune
from datamodules.datasets.magnatagatune_untagged import MagnaTagATuneUntagged
from datamodules.download.extract import extract
from datamodules.labels.vocabularies import MTAT_TOP50
from tests.support.paths import ROOT
from tests.support.publishers import mtat, relocated
from tests.support.server import ALWAYS, Server, serve

PUBLISHER = mtat


@pytest.fixture(scope="module")
def official(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with the official tables in its download folder, checked like downloads."""
    root = tmp_path_factory.mktemp("official")
    folder = root / "downloads" / "mtat"
    folder.mkdir(parents=True)
    for name in ("annotations_final.csv", "clip_info_final.csv"):
        content = gzip.decompress((shared_data / "mtat" / f"{name}.gz").read_bytes())
        (folder / name).write_bytes(content)
    return root


@pytest.mark.parametrize(
    ("tag_set", "clips", "counts"),
    [
        ("top50", "tagged", (15247, 1529, 4332)),
        ("top10", "tagged", (11937, 1266, 3269)),
        ("all", "tagged", (15626, 1551, 4462)),
        ("top50", "all", (18706, 1825, 5329)),
    ],
)
def test_official_split(official: Path, tag_set, clips, counts) -> None:
    module = MagnaTagATune(root=official, tag_set=tag_set, clips=clips)
    tracks = module.build_manifest()  # compares counts and digest with the constants
    heard = [track for track in tracks if track.track_id not in module.errata]
    by_split = Counter(track.split for track in heard)
    assert tuple(by_split[split] for split in ("train", "valid", "test")) == counts
    assert len(module.tags) == module.expected.classes
    assert {tag for track in tracks for tag in track.tags} <= set(module.tags)


@pytest.mark.parametrize(("only_training", "count"), [(False, 4752), (True, 3459)])
def test_official_untagged_clips(official: Path, only_training: bool, count: int) -> None:
    module = MagnaTagATuneUntagged(root=official, only_training=only_training)
    tracks = module.build_manifest()  # compares count and digest with the constants
    tagged = {track.track_id for track in MagnaTagATune(root=official).build_manifest()}
    assert {(track.split, track.tags) for track in tracks} == {("unlabelled", ())}
    assert len(tracks) == count
    assert not tagged & {track.track_id for track in tracks}
    assert module.tags == ()
    assert module.corpus_root != MagnaTagATune(root=official, clips="all").corpus_root


def test_official_tag_order_is_by_count(official: Path) -> None:
    with (official / "downloads/mtat/annotations_final.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    counts = {tag: sum(row[tag] == "1" for row in rows) for tag in MTAT_TOP50}
    assert list(counts.values()) == sorted(counts.values(), reverse=True)
    assert (counts["guitar"], counts["piano"], counts["choral"]) == (4852, 2056, 490)


def test_official_groups(official: Path) -> None:
    tracks = MagnaTagATune(root=official).build_manifest()
    groups = {
        kind: {
            split: {getattr(track, kind) for track in tracks if track.split == split}
            for split in ("train", "valid", "test")
        }
        for kind in ("artist", "album", "song")
    }
    for kind in ("album", "song"):
        found = groups[kind]
        assert not (found["train"] | found["valid"]) & found["test"]
        assert not found["train"] & found["valid"]
    artists = groups["artist"]
    shared = (len(artists["train"] & artists["test"]), len(artists["test"]))
    assert shared == (45, 75)
    assert len(artists["train"] & artists["valid"]) == 13
    assert len(artists["valid"] & artists["test"]) == 8


# Clips 0 to 31 in songs of two, song n in folder hex(n); clip 0 is empty, every eighth untagged.
COUNTS = (20, 2, 5)


def local(server: Server, published: Path, root: Path) -> MagnaTagATune:
    expected = Expected(50, *COUNTS)
    cls = relocated(
        MagnaTagATune, server.url(""), published, expected_by_variant={"top50/tagged": expected}
    )
    module = cls(root=root, batch_size=4, window=16000, workers=1)
    assert isinstance(module, MagnaTagATune)
    return module


def test_from_nothing_to_batches(server: Server, published: Path, tmp_path: Path) -> None:
    module = local(server, published, tmp_path)
    module.prepare_data()
    splits = module.corpus.info["splits"]
    assert tuple(splits[split] for split in ("train", "valid", "test")) == COUNTS
    rejected = (module.corpus_root / "rejected.csv").read_text()
    assert "35644" in rejected
    assert "known fault: the publisher's file has 0 bytes" in rejected
    batch = next(iter(module.train_dataloader()))
    assert batch["audio"].shape == (4, 16000)
    assert batch["targets"].shape == (4, 50)
    assert float(batch["audio"].abs().max()) > 0.05
    assert not (module.audio_root / "__MACOSX").exists()

    asked = sum(len(requests) for requests in server.requests.values())
    local(server, published, tmp_path).prepare_data()
    assert sum(len(requests) for requests in server.requests.values()) == asked


def test_audit_is_clean_but_for_what_the_publisher_lacks(
    server: Server, published: Path, tmp_path: Path
) -> None:
    module = local(server, published, tmp_path)
    module.prepare_data()
    findings = audit(module.corpus, module.expected)
    assert not [finding for finding in findings if finding.is_error]
    assert [f.track_ids for f in findings if f.kind == "missing"] == [("35644",)]
    # Artists have four clips each in folders that lie in several splits, as at the publisher's.
    assert "leak" in {finding.kind for finding in findings}

    shard = next((module.corpus_root / "shards").glob("*.i16"))
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 0x40
    shard.write_bytes(content)
    again = local(server, published, tmp_path)
    errors = [finding for finding in audit(again.corpus, again.expected) if finding.is_error]
    assert [(error.kind, len(error.track_ids)) for error in errors] == [("corrupt", 1)]
    assert "corrupt,error" in (module.corpus_root / "audit.csv").read_text()


def test_a_broken_connection_is_continued(server: Server, published: Path, tmp_path: Path) -> None:
    size = (published / "mp3.zip.002").stat().st_size
    server.misbehave("mp3.zip.002", break_after=size // 3, breaks=2)
    module = local(server, published, tmp_path)
    module.prepare_data()
    assert server.sent["mp3.zip.002"] == size
    assert module.corpus.info["splits"]["test"] == COUNTS[2]


@pytest.mark.parametrize(
    ("manner", "complaint"),
    [
        ({"wrong": True}, "sha256"),
        ({"html": True}, "HTML"),
        ({"failures": ALWAYS, "status": 404}, "404"),
    ],
)
def test_a_bad_server_gives_no_corpus(
    server: Server, published: Path, tmp_path: Path, manner, complaint, monkeypatch
) -> None:
    server.misbehave("mp3.zip.002", **manner)
    module = local(server, published, tmp_path)
    with pytest.raises(TagbenchError, match=complaint) as caught:
        module.prepare_data()
    assert "mp3.zip.002" in str(caught.value)
    assert not (module.corpus_root / "corpus.json").exists()


def test_an_archive_that_climbs_out_gives_no_corpus(tmp_path: Path) -> None:
    folder = mtat.publish(tmp_path / "publisher", clips=8)
    whole = io.BytesIO(b"".join((folder / f"mp3.zip.00{n}").read_bytes() for n in (1, 2, 3)))
    with zipfile.ZipFile(whole, "a") as archive:
        archive.writestr("../../outside.mp3", b"x")
    content = whole.getvalue()
    for part in range(3):
        (folder / f"mp3.zip.00{part + 1}").write_bytes(content[part * 9000 : (part + 1) * 9000])
    (folder / "mp3.zip.003").write_bytes(content[18000:])
    with serve(folder) as running:
        cls = relocated(
            MagnaTagATune, running.url(""), folder,
            expected_by_variant={"top50/tagged": Expected(50, 6, 0, 0)},
        )  # fmt: skip
        module = cls(root=tmp_path / "data")
        with pytest.raises(TagbenchError, match=r"outside\.mp3"):
            module.prepare_data()
    assert not list(tmp_path.rglob("outside.mp3"))
    assert not list(tmp_path.rglob("corpus.json"))


def test_missing_audio_is_counted_before_anything_is_decoded(
    server: Server, published: Path, tmp_path: Path
) -> None:
    first = local(server, published, tmp_path / "a")
    first.prepare_data()
    audio = tmp_path / "mine"
    parts = [first.downloads / f"mp3.zip.00{n}" for n in (1, 2, 3)]
    extract(parts, audio)
    for folder in ("0", "1", "2", "3", "4"):
        for file in (audio / folder).iterdir():
            file.unlink()
    module = type(first)(root=tmp_path / "b", audio_dir=str(audio))
    with pytest.raises(TagbenchError, match="12 of 20 train tracks have audio"):
        module.prepare_data()
    assert not (module.corpus_root / "corpus.json").exists()

    said: list[str] = []
    module = type(first)(root=tmp_path / "b", audio_dir=str(audio), partial=True)
    module.progress.announce = said.append  # type: ignore[method-assign]
    module.prepare_data()
    assert module.corpus.info["splits"]["train"] == 12
    assert any("no audio for 8 of 20 train" in text for text in said)
    assert any("This is not the published split" in text for text in said)


def test_prove_tells_what_differs(official: Path) -> None:
    module = MagnaTagATune(root=official)
    tracks = [t for t in module.list_tracks() if t.track_id not in module.errata]
    first = next(track for track in tracks if track.split == "test")
    lacking = [track for track in tracks if track is not first]
    with pytest.raises(TagbenchError, match="test: expected 4,332 tracks, found 4,331"):
        check_complete(lacking, module.expected, "mtat")
    other = [*lacking, replace(first, track_id="0")]
    with pytest.raises(TagbenchError, match="the tracks do not: split digest"):
        check_complete(other, module.expected, "mtat")


def test_make_benchmark_from_download_to_leaderboard(
    server: Server, published: Path, tmp_path: Path
) -> None:
    """What a user does, with the publisher's addresses replaced and nothing else."""
    (tmp_path / "local_mtat.py").write_text(
        "from pathlib import Path\n"
        "from datamodules.datasets.magnatagatune import MagnaTagATune\n"
        "from datamodules.corpus.completeness import Expected\n"
        "from tests.support.publishers import relocated\n"
        f"Local = relocated(MagnaTagATune, {server.url('')!r}, Path({str(published)!r}),\n"
        f"    expected_by_variant={{'top50/tagged': Expected(50, *{COUNTS})}})\n"
        "Local.__module__ = __name__\n"
    )
    (tmp_path / "mtat.yaml").write_text("class: local_mtat.Local\npreset: smoke\n")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT))),
        "TAGBENCH_DATA": str(tmp_path / "data"),
        "TAGBENCH_RESULTS": str(tmp_path / "results"),
        "COVERAGE_PROCESS_START": "",
    }
    chosen = {
        "dataset": str(tmp_path / "mtat.yaml"),
        "models": "tag_prior,musicnn",
        "perturbations": "white_noise",
        "wandb": "disabled",
    }
    if (ROOT / ".venv" / ".installed").is_file():
        command = ["make", "-s", "-C", str(ROOT), "benchmark"]
        command += [f"{key.upper()}={value}" for key, value in chosen.items()]
    else:
        command = [sys.executable, "-c", "from benchmark.cli import main; main()", "run"]
        command += [word for key, value in chosen.items() for word in (f"--{key}", value)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "20 train, 2 valid, 5 test tracks, 50 tags, 1 rejected" in done.stdout
    board = tmp_path / "results" / "mtat" / "leaderboard.csv"
    with board.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["model"] for row in rows} == {"tag_prior", "musicnn"}
    assert {row["n_tracks"] for row in rows} == {"5"}
    assert (tmp_path / "results" / "mtat" / "report" / "index.html").is_file()
