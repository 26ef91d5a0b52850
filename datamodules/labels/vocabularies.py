"""Tag lists in the order in which published models number their outputs.

The order is part of a checkpoint: there are two public orders for MagnaTagATune and two
vocabularies for the Million Song Dataset. Names are spelled as in the sources.
The lists are the files ``files/*.txt`` beside this module:

==================  ==============================================================================
``mtat_top50``      MagnaTagATune, by number of clips among all 25,863, as the split of Won et al.
                    (2020), musicnn and MARBLE have it: "metal" precedes "female voice", which has
                    as many clips.
``mtat_top50_lee``  The same tags in the order of Lee et al. (2017): equal counts in the order of
                    the columns of the annotation file.
``msd_lastfm50``    Million Song Dataset: 50tagList.txt of Lee et al. (2017), which Choi et al.
                    (2016) and Won et al. (2020) use too.
``msd_cals50``      Million Song Dataset: cleaned and artist-level stratified split of Won et al.
                    (2021).
``jamendo_top50``   MTG-Jamendo: data/tags/top50.txt of the dataset, in alphabetical order. Won et
                    al. list another order, but their LabelBinarizer sorts it.
``fma_small``       FMA: the genres of the subset small, in alphabetical order.
``fma_medium``      FMA: the genres of the subset medium, in alphabetical order.
``gtzan``           GTZAN: the genres, in alphabetical order.
==================  ==============================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datamodules.common.errors import TagbenchError, unknown_name

FILES = Path(__file__).parent / "files"


def read_tags(path: Path) -> tuple[str, ...]:
    """Read a tag list: UTF-8 text, one tag on each line, in the order of a model's outputs.

    Raises:
        TagbenchError: If it cannot be read, is empty, or names a tag twice.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TagbenchError(f"Cannot read the tag list {path}: {error}.") from error
    tags = tuple(line.strip() for line in lines if line.strip())
    return check_tags(tags, str(path))


def check_tags(tags: Sequence[str], where: str) -> tuple[str, ...]:
    """Return the tags, if there are any and no two are equal.

    Raises:
        TagbenchError: If there are no tags or a tag is repeated.
    """
    repeated = sorted({tag for tag in tags if tags.count(tag) > 1})
    if not tags or repeated:
        reason = f"{', '.join(repeated)} stands twice" if repeated else "it is empty"
        raise TagbenchError(f"{where} is not a tag list: {reason}. Write one tag on each line.")
    return tuple(tags)


MTAT_TOP50 = read_tags(FILES / "mtat_top50.txt")
MTAT_TOP50_LEE = read_tags(FILES / "mtat_top50_lee.txt")
MSD_LASTFM50 = read_tags(FILES / "msd_lastfm50.txt")
MSD_CALS50 = read_tags(FILES / "msd_cals50.txt")
JAMENDO_TOP50 = read_tags(FILES / "jamendo_top50.txt")
FMA_SMALL = read_tags(FILES / "fma_small.txt")
FMA_MEDIUM = read_tags(FILES / "fma_medium.txt")
GTZAN = read_tags(FILES / "gtzan.txt")

VOCABULARIES: dict[str, tuple[str, ...]] = {
    "mtat": MTAT_TOP50,
    "mtat_lee": MTAT_TOP50_LEE,
    "msd": MSD_LASTFM50,
    "msd_cals": MSD_CALS50,
    "jamendo": JAMENDO_TOP50,
}
"""Tag lists by the names that users of the reference implementation know."""


def vocabulary(dataset: str) -> tuple[str, ...]:
    """Return the tags of a published dataset in the order of its models' outputs.

    Raises:
        TagbenchError: If there is no list of that name.
    """
    if dataset not in VOCABULARIES:
        raise unknown_name("tag list", dataset, VOCABULARIES, "datamodules.labels.vocabularies")
    return VOCABULARIES[dataset]
