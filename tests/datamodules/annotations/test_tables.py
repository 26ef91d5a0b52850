"""Tables that users have: other notations of tags, spellings of names, formats and encodings."""

from __future__ import annotations

import codecs
import json
import unicodedata
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from datamodules.annotations.manifest_jsonl import read_jsonl
from datamodules.annotations.row import Row, locate
from datamodules.annotations.tags_csv import read_table
from datamodules.common.errors import TagbenchError
from datamodules.datasets.local_folder import Folder


def csv_rows(folder: Path, content: str | bytes, *, single: bool = False) -> tuple[Row, ...]:
    table = folder / "tags.csv"
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(table, single=single)


def jsonl_rows(folder: Path, *lines: dict[str, Any], single: bool = False) -> tuple[Row, ...]:
    table = folder / "manifest.jsonl"
    table.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read_jsonl(table, single=single)


def tags_of(folder: Path, *cells: str, single: bool = False) -> list[list[tuple[str, ...]]]:
    """Return what a CSV table and a JSONL manifest with the same cells are read as."""
    frame = pd.DataFrame({"path": [f"{i}.wav" for i in range(len(cells))], "tags": cells})
    lines = [{"path": f"{i}.wav", "tags": cell} for i, cell in enumerate(cells)]
    return [
        [row.tags for row in csv_rows(folder, frame.to_csv(index=False), single=single)],
        [row.tags for row in jsonl_rows(folder, *lines, single=single)],
    ]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["['a0', 'b']", "['a1']", "[]"], [("a0", "b"), ("a1",), ()]),
        (['["a0", "b"]', '["caf\\u00e9"]'], [("a0", "b"), ("café",)]),
        (["[u'a0', u'b']", '["don\'t", "b"]'], [("a0", "b"), ("b", "don't")]),
        (["['a0' 'b']", "('a1', 'b')", "{'c'}"], [("a0", "b"), ("a1", "b"), ("c",)]),
        (["['rock, pop', 'b']", "['rock, pop']"], [("b", "rock, pop"), ("rock, pop",)]),
        (["[12, 7]", "[12]"], [("12", "7"), ("12",)]),
        (["a0; b", "a1 ;b;", "c"], [("a0", "b"), ("a1", "b"), ("c",)]),
        (["rock, pop|slow", "rock, pop", "AC/DC", "AC"],
         [("rock, pop", "slow"), ("rock, pop",), ("AC/DC",), ("AC",)]),
        (["[live]|rock", "[live]"], [("[live]", "rock"), ("[live]",)]),
        (["rock, pop|"], [("rock, pop",)]),
        (["drum & bass", "bass", "r&b", "Old-Time / Historic", "hip-hop"],
         [("drum & bass",), ("bass",), ("r&b",), ("Old-Time / Historic",), ("hip-hop",)]),
    ],
)  # fmt: skip
def test_a_notation_beyond_doubt_is_read(
    tmp_path: Path, cells: list[str], expected: list[tuple[str, ...]]
) -> None:
    assert tags_of(tmp_path, *cells) == [expected, expected]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["x", "a0, b1"], r"line {n}: the tags 'a0, b1' contain a comma .* such as 'a0\|b1'"),
        (["a0/b", "a1/b"], r"contain a slash .* write \| behind it: 'a0/b\|'"),
        (["a0 / b", "b"], "contain a slash"),
        (["a0+b", "a0"], "a plus sign"),
        (["x\ty"], "a tab"),
        (["x\ny"], "a line break"),
        (["摇滚、流行"], "an ideographic comma"),
        (["rock\uff5cpop"], "a fullwidth bar"),
        (["#rock #pop"], "hash signs"),
        (["[rock, pop]"], "look like a list, but not one of strings. Separate tags with |"),
        (["[{'id': 21}]"], "look like a list"),
        (["['a', None]"], "look like a list"),
        (["['a', 'b'"], "a comma"),
        (["array(['a', 'b'], dtype=object)"], "printed form of a Python object"),
    ],
)
def test_a_doubtful_notation_is_refused(tmp_path: Path, cells: list[str], reason: str) -> None:
    frame = pd.DataFrame({"path": [f"{i}.wav" for i in range(len(cells))], "tags": cells})
    with pytest.raises(TagbenchError, match=reason.format(n=len(cells) + 1)):
        csv_rows(tmp_path, frame.to_csv(index=False))
    lines = [{"path": f"{i}.wav", "tags": cell} for i, cell in enumerate(cells)]
    with pytest.raises(TagbenchError, match=reason.format(n=len(cells))):
        jsonl_rows(tmp_path, *lines)


def test_a_single_label_may_contain_separators(tmp_path: Path) -> None:
    cells = ["Folk, World", "Soul/RnB", "Soul"]
    assert (
        tags_of(tmp_path, *cells, single=True) == [[("Folk, World",), ("Soul/RnB",), ("Soul",)]] * 2
    )


def test_a_list_of_a_manifest_is_taken_as_it_is(tmp_path: Path) -> None:
    rows = jsonl_rows(tmp_path, {"path": "a.wav", "tags": ["a, b", "c|d"]})
    assert rows[0].tags == ("a, b", "c|d")
    rows = jsonl_rows(tmp_path, {"path": "a.wav", "tags": ["['a0', 'b']"]})
    assert rows[0].tags == ("a0", "b")


def test_one_name_has_one_spelling(tmp_path: Path) -> None:
    nfd = unicodedata.normalize("NFD", "Beyoncé")
    artists = ["Beyoncé", nfd, "beyoncé", "Beyoncé ", "\u00a0Beyoncé\u200b", "Beyoncé", "X"]
    tags = [
        "café",
        unicodedata.normalize("NFD", "café"),
        "hip\u00a0hop",
        "hip  hop",
        "Rock",
        "rock",
        "",
    ]
    lines = [
        {"path": f"{i}.wav", "tags": [tag], "artist": artist, "album": artist, "song": artist}
        for i, (artist, tag) in enumerate(zip(artists, tags, strict=True))
    ]
    table = pd.DataFrame(lines).drop(columns="song").assign(tags=tags).to_csv(index=False)
    for rows in (csv_rows(tmp_path, table), jsonl_rows(tmp_path, *lines)):
        assert (
            [row.artist for row in rows] == [row.album for row in rows] == ["Beyoncé"] * 6 + ["X"]
        )
        assert [row.tags for row in rows] == [
            ("café",), ("café",), ("hip hop",), ("hip hop",), ("Rock",), ("rock",), ()
        ]  # fmt: skip
    assert {row.song for row in rows} == {"Beyoncé", "X"}


@pytest.mark.parametrize("stored", ["NFC", "NFD"])
@pytest.mark.parametrize("written", ["NFC", "NFD"])
def test_files_are_found_in_either_form(tmp_path: Path, stored: str, written: str) -> None:
    place = tmp_path / unicodedata.normalize(stored, "Zoë")
    place.mkdir()
    # Neither form, as where two systems have each named a part of it.
    mixed = unicodedata.normalize("NFD", "é") + unicodedata.normalize("NFC", "ü") + ".wav"
    (place / mixed).touch()
    path = unicodedata.normalize(written, f"Zoë/{mixed}")
    rows = csv_rows(tmp_path, f"path,tags\n{path},x\n")
    assert locate(tmp_path / "tags.csv", rows) == [place / mixed]
    assert rows[0].path == unicodedata.normalize("NFC", path)
    both = [unicodedata.normalize(form, "é.wav") for form in ("NFC", "NFD")]
    with pytest.raises(TagbenchError, match="is already given in line"):
        csv_rows(tmp_path, f"path,tags\n{both[0]},x\n{both[1]},y\n")


def test_an_absolute_path_below_the_table_is_relative(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    for base in (folder, tmp_path / "link"):
        assert csv_rows(folder, f"path,tags\n{base}/live/a.wav,x\n")[0].path == "live/a.wav"
        line = {"path": f"{base}/./a.wav", "tags": ["x"]}
        assert jsonl_rows(folder, line)[0].path == "a.wav"
    for path in (f"{folder}/../a.wav", f"{tmp_path}/musical/a.wav", "/etc/a.wav", str(folder)):
        with pytest.raises(TagbenchError, match="leads out of the folder"):
            csv_rows(folder, f"path,tags\n{path},x\n")


PLAIN = "path,tags,artist\na.wav,x|y,A\nb.wav,z,B\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        codecs.BOM_UTF16_BE + PLAIN.replace(",", "\t").encode("utf-16-be"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", ";"),
        "sep=;\n" + PLAIN.replace(",", ";"),
        '"path","tags","artist"\n"a.wav","x|y","A"\n"b.wav","z","B"\n',
        "\n" + PLAIN.replace("\n", "\n\n,,\n"),
        PLAIN + "a.wav,y|x,A\n",
        ",path,tags,artist\n0,a.wav,x|y,A\n1,b.wav,z,B\n",
        "Unnamed: 0,path,tags,artist\n0,a.wav,x|y,A\n1,b.wav,z,B\n",
        "path,tags,artist,,\na.wav,x|y,A,,\nb.wav,z,B\n",
        pd.DataFrame(
            {"path": ["a.wav", "b.wav"], "tags": ["x|y", "z"], "artist": ["A", "B"]}
        ).to_csv(),
    ],
)
def test_what_programs_do_to_a_table_is_fine(tmp_path: Path, content: str | bytes) -> None:
    expected = (Row("a.wav", ("x", "y"), "", "A", ""), Row("b.wav", ("z",), "", "B", ""))
    assert csv_rows(tmp_path, content) == expected


def test_a_column_without_a_name_that_holds_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(TagbenchError, match=r"line 2: column 3 has no name and holds 'train'"):
        csv_rows(tmp_path, "path,tags,\na.wav,x,train\n")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tags.xlsx", b"PK\x03\x04", r"an Excel workbook.*Save it as .*tags\.csv: CSV in UTF-8"),
        ("tags.ods", b"PK\x03\x04", "an OpenDocument spreadsheet"),
        ("tags.csv", b"PK\x03\x04", "a spreadsheet"),
        ("tags.parquet", b"PAR1", r"a Parquet file.*pandas\.read_parquet\(.*to_csv"),
        ("tags.xls", b"\xd0\xcf\x11\xe0", "an Excel workbook"),
        ("manifest.json", b"[]", "a JSON document"),
        ("tags.csv", "path,tags\n".encode("utf-16-le"), "the character NUL"),
    ],
)
def test_a_table_of_another_kind_is_named(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "a.wav").touch()
    for data in (tmp_path, tmp_path / name):
        with pytest.raises(TagbenchError, match=message):
            _ = Folder(data=str(data), root=tmp_path).rows


@pytest.mark.parametrize("name", ["tags.tsv", "TAGS.CSV", "tags.txt"])
def test_a_table_is_found_by_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("path\ttags\na.wav\tx\n")
    for data in (tmp_path, tmp_path / name):
        assert Folder(data=str(data), root=tmp_path).tags == ("x",)
    (tmp_path / "a.wav").touch()
    with pytest.raises(TagbenchError, match="neither a directory of audio nor a table"):
        _ = Folder(data=str(tmp_path / "a.wav"), root=tmp_path).tags
