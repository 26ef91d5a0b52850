"""Tag lists in the order in which published models number their outputs.

Order is part of a checkpoint: MagnaTagATune has two public orders, the Million Song Dataset two
vocabularies. Names are those of the sources, letter case included.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datamodules.common.errors import TagbenchError, unknown_name


def _list(text: str) -> tuple[str, ...]:
    return tuple(" ".join(tag.split()) for tag in text.split(","))


# By number of clips among all 25,863, as the split of Won et al. (2020), musicnn and MARBLE have
# it: "metal" comes before "female voice", with which it ties.
MTAT_TOP50 = _list(
    """
    guitar, classical, slow, techno, strings, drums, electronic, rock, fast, piano, ambient, beat,
    violin, vocal, synth, female, indian, opera, male, singing, vocals, no vocals, harpsichord,
    loud, quiet, flute, woman, male vocal, no vocal, pop, soft, sitar, solo, man, classic, choir,
    voice, new age, dance, male voice, female vocal, beats, harp, cello, no voice, weird, country,
    metal, female voice, choral
    """
)

# The order of Lee et al. (2017): ties as in the columns of the annotation file.
MTAT_TOP50_LEE = (*MTAT_TOP50[:47], "female voice", "metal", "choral")

# 50tagList.txt of Lee et al. (2017), which Choi et al. (2016) and Won et al. (2020) share.
MSD_LASTFM50 = _list(
    """
    rock, pop, alternative, indie, electronic, female vocalists, dance, 00s, alternative rock,
    jazz, beautiful, metal, chillout, male vocalists, classic rock, soul, indie rock, Mellow,
    electronica, 80s, folk, 90s, chill, instrumental, punk, oldies, blues, hard rock, ambient,
    acoustic, experimental, female vocalist, guitar, Hip-Hop, 70s, party, country, easy listening,
    sexy, catchy, funk, electro, heavy metal, Progressive rock, 60s, rnb, indie pop, sad, House,
    happy
    """
)

# Cleaned and artist-level stratified split of Won et al. (2021).
MSD_CALS50 = _list(
    """
    rock, pop, indie, alternative, electronic, hip-hop, metal, jazz, punk, folk, alternative rock,
    indie rock, dance, hard rock, 00s, soul, hardcore, 80s, country, classic rock, punk rock,
    blues, chillout, experimental, heavy metal, death metal, 90s, reggae, progressive rock,
    ambient, acoustic, beautiful, british, rnb, funk, metalcore, mellow, world, guitar, trance,
    indie pop, christian, house, spanish, latin, psychedelic, electro, piano, 70s,
    progressive metal
    """
)

# data/tags/top50.txt of the dataset: in the order of strings. Won et al. list another order, but
# their LabelBinarizer sorts it.
JAMENDO_TOP50 = _list(
    """
    genre---alternative, genre---ambient, genre---atmospheric, genre---chillout, genre---classical,
    genre---dance, genre---downtempo, genre---easylistening, genre---electronic,
    genre---experimental, genre---folk, genre---funk, genre---hiphop, genre---house, genre---indie,
    genre---instrumentalpop, genre---jazz, genre---lounge, genre---metal, genre---newage,
    genre---orchestral, genre---pop, genre---popfolk, genre---poprock, genre---reggae,
    genre---rock, genre---soundtrack, genre---techno, genre---trance, genre---triphop,
    genre---world, instrument---acousticguitar, instrument---bass, instrument---computer,
    instrument---drummachine, instrument---drums, instrument---electricguitar,
    instrument---electricpiano, instrument---guitar, instrument---keyboard, instrument---piano,
    instrument---strings, instrument---synthesizer, instrument---violin, instrument---voice,
    mood/theme---emotional, mood/theme---energetic, mood/theme---film, mood/theme---happy,
    mood/theme---relaxing
    """
)

# By the names under which the reference's users know the datasets.
VOCABULARIES: dict[str, tuple[str, ...]] = {
    "mtat": MTAT_TOP50,
    "mtat_lee": MTAT_TOP50_LEE,
    "msd": MSD_LASTFM50,
    "msd_cals": MSD_CALS50,
    "jamendo": JAMENDO_TOP50,
}


def vocabulary(dataset: str) -> tuple[str, ...]:
    """Return the tags of a published dataset in the order of its models' outputs.

    Raises:
        TagbenchError: No list is known under that name.
    """
    if dataset not in VOCABULARIES:
        raise unknown_name("tag list", dataset, VOCABULARIES, "datamodules.labels.vocabularies")
    return VOCABULARIES[dataset]


def read_tags(path: Path) -> tuple[str, ...]:
    """Read a tag list: UTF-8 text, one tag a line, in the order of a model's outputs.

    Raises:
        TagbenchError: It cannot be read, is empty, or names a tag twice.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TagbenchError(f"Cannot read the tag list {path}: {error}.") from error
    tags = tuple(line.strip() for line in lines if line.strip())
    return check_tags(tags, str(path))


def check_tags(tags: Sequence[str], where: str) -> tuple[str, ...]:
    """Return the tags, if there are any and no two are the same.

    Raises:
        TagbenchError: Otherwise.
    """
    twice = sorted({tag for tag in tags if tags.count(tag) > 1})
    if not tags or twice:
        found = f"{', '.join(twice)} stands twice" if twice else "it is empty"
        raise TagbenchError(f"{where} is no tag list: {found}. Write one tag a line.")
    return tuple(tags)
