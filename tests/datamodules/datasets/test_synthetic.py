"""The synthetic corpus: its size, its tags and its preparation."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from datamodules.common.errors import TagbenchError
from datamodules.corpus.prepare import prepare
from datamodules.datasets.synthetic import Synth
from datamodules.synthesis.render import render_clip
from datamodules.synthesis.tag_rules import TAGS
from tests.support.synthetic_clips import RATE, SAMPLES


@pytest.mark.parametrize("seed", range(5))
def test_every_tag_has_eight_of_both_kinds_in_every_split(seed):
    tracks = Synth(root="", synth_seed=seed).build_manifest()
    sizes = Counter(track.split for track in tracks)
    assert sizes == {"train": 200, "valid": 60, "test": 100}
    positives = Counter((track.split, tag) for track in tracks for tag in track.tags)
    for split, size in sizes.items():
        for tag in TAGS:
            assert 8 <= positives[split, tag] <= size - 8, (split, tag)


def test_tags_follow_the_rules_from_the_columns_alone():
    voices = {"choir", "voice"}
    for track in Synth(root="").build_manifest():
        extra, tags = track.extra, set(track.tags)
        plays = set(str(extra["instruments"]).split("|"))
        same = {"choir", "flute", "harpsichord", "organ", "piano", "violin"}
        expected = (plays & same) | ({str(extra["style"])} & set(TAGS))
        expected |= {"guitar"} if plays & {"guitar", "electric_guitar"} else set()
        expected |= {"strings"} if plays & {"strings", "violin"} else set()
        expected |= {"synth"} if plays & {"synth_lead", "synth_pad"} else set()
        expected |= {"vocal"} if "voice" in plays else set()
        expected |= {"no vocals"} if not plays & voices else set()
        kits = plays & {"drum_kit", "drum_machine"}
        expected |= {"beat", "drums"} if kits else set()
        expected |= {"drums"} if "percussion" in plays else set()
        expected |= {"solo"} if len(plays) == 1 else set()
        expected |= {"slow"} if float(extra["tempo_bpm"]) < 80 else set()
        expected |= {"fast"} if float(extra["tempo_bpm"]) > 140 else set()
        expected |= {"quiet"} if float(extra["level_dbfs"]) < -28 else set()
        expected |= {"loud"} if float(extra["level_dbfs"]) > -16 else set()
        assert tags == expected, track.track_id
        assert list(track.tags) == sorted(track.tags)


def test_a_larger_corpus_contains_the_smaller_one():
    small, large = (Synth(root="", tracks=n).build_manifest() for n in (30, 500))
    assert list(large[:30]) == list(small)
    assert Counter(track.split for track in small) == {"train": 17, "valid": 5, "test": 8}
    assert len({track.source.sha256() for track in large}) == 500


def test_too_few_tracks_is_one_clear_message():
    with pytest.raises(TagbenchError, match=r"tracks: expected at least 30, got 29"):
        Synth(root="", tracks=29)


def test_prepared_corpus_holds_the_clips_and_their_factors(tmp_path):
    tracks = Synth(root=tmp_path).build_manifest()[:6]
    corpus = prepare(
        tracks, tmp_path, name="synth", tags=TAGS, task="multilabel", sample_rate=RATE, workers=0
    )
    frame = corpus.frame
    assert list(frame["track_id"]) == [track.track_id for track in tracks]
    assert (frame["samples"] == SAMPLES).all()
    for column, value in tracks[5].extra.items():
        assert frame[column][5] == value
    step = float(frame["scale"][5])
    np.testing.assert_allclose(corpus.audio(5), render_clip(0, 5), atol=0.51 * step)
