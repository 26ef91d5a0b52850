"""Matching of tags: exact before spelling before alias, one to one, and nothing in doubt."""

from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.common.errors import TagbenchError
from datamodules.labels.tag_matching import ALIASES, match_tags, plain, read_aliases
from datamodules.labels.vocabularies import JAMENDO_TOP50, MSD_LASTFM50, MTAT_TOP50

SHIPPED = read_aliases(ALIASES)


def test_rules_apply_in_order_and_what_is_in_doubt_is_left_out() -> None:
    tags = ("piano", "Hip-Hop", "no vocals", "voice", "Rock", "female vocal", "organ")
    outputs = (
        *("instrument---piano", "hiphop", "no vocal", "no vocals", "vocal", "vocals", "rock"),
        *("female vocalists", "female vocalist"),
    )
    found = match_tags("mine", tags, "msd_new", outputs, SHIPPED)
    assert dict(found.outputs) == {
        "piano": "instrument---piano",
        "Hip-Hop": "hiphop",
        "no vocals": "no vocals",
        "Rock": "rock",
        "female vocal": "female vocalists",
    }
    assert found.rules["no vocals"] == "exact"
    assert found.rules["Rock"] == "spelling"
    assert found.rules["Hip-Hop"] == found.rules["piano"] == "alias"
    assert found.ambiguous == {
        "voice": ("vocal", "vocals"),
        "vocal": ("voice",),
        "vocals": ("voice",),
    }
    # The alias of the singers is only for models of the Million Song Dataset.
    assert "female vocal" not in match_tags("mine", tags, "mtat", outputs, SHIPPED).outputs


def test_published_vocabularies_share_what_review_has_found() -> None:
    on_jamendo = match_tags("jamendo", JAMENDO_TOP50, "mtat", MTAT_TOP50, SHIPPED)
    assert len(on_jamendo.outputs) == 15
    assert on_jamendo.ambiguous["instrument---voice"] == ("vocal", "vocals", "voice")
    back = match_tags("mtat", MTAT_TOP50, "jamendo", JAMENDO_TOP50, SHIPPED)
    assert {v: k for k, v in back.outputs.items()} == dict(on_jamendo.outputs)
    assert len(match_tags("jamendo", JAMENDO_TOP50, "msd", MSD_LASTFM50, SHIPPED).outputs) == 18
    assert len(match_tags("mtat", MTAT_TOP50, "msd", MSD_LASTFM50, SHIPPED).outputs) == 10


def test_a_table_of_the_user_adds_aliases(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("dataset,tag,other_dataset,other_tag,note\nmine,brass,*,Blech,German\n")
    own = read_aliases(ALIASES, path)
    assert dict(match_tags("mine", ("brass",), "other", ("blech",), own).outputs) == {
        "brass": "blech"
    }
    assert not match_tags("other", ("brass",), "other", ("blech",), own).outputs
    path.write_text("dataset,tag,other_dataset,other_tag,note\nmine,brass,,Blech,German\n")
    with pytest.raises(TagbenchError, match=r"mine\.csv, row 2: expected values"):
        read_aliases(path)
    path.write_text("tag,other\na,b\n")
    with pytest.raises(TagbenchError, match="has the columns dataset,tag,other_dataset"):
        read_aliases(path)


def test_every_reviewed_alias_is_needed_and_stated_once() -> None:
    pairs = [frozenset([plain(alias.tag), plain(alias.other_tag)]) for alias in SHIPPED]
    assert all(len(pair) == 2 for pair in pairs)  # the rule of spelling does not match them
    assert len(set(pairs)) == len(pairs) > 80
