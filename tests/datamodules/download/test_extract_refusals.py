"""Archives with dangerous members, and damaged archives."""

from __future__ import annotations

import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datamodules.common.errors import TagbenchError
from datamodules.download.extract import extract
from tests.support.archives import FILES, MAKERS, NOISE, cut, refuses, tar_of, zip_of


def evil_zip(path: Path, name: str, mode: int = 0) -> Path:
    zip_of(path, FILES)
    with zipfile.ZipFile(path, "a") as file:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        file.writestr(info, b"/etc/passwd")
    return path


def evil_tar(path: Path, name: str, kind: bytes = tarfile.REGTYPE) -> Path:
    tar_of(path, FILES)
    with tarfile.open(path, "a") as file:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd"
        file.addfile(info)
    return path


NAMES = {
    "../out": "leaves its folder",
    "a/../../out": "leaves its folder",
    "a/..": "leaves its folder",
    "/etc/out": "absolute",
    "//host/out": "absolute",
    "C:/out": "absolute",
    "c:out": "absolute",
    "..\\out": "backslash",
    "a\\..\\..\\out": "backslash",
    "a/1.mp3": "has the path of the member 'a/1.mp3'",
    "a//./1.mp3": "has the path of the member 'a/1.mp3'",
    "a/1.mp3/below": "is below the file 'a/1.mp3'",
    "a/1.mp3.part": "needs the temporary file",
    ".": "has no name",
}


@pytest.mark.parametrize("evil", [evil_zip, evil_tar])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_leads_elsewhere(tmp_path: Path, evil: Callable[..., Path], name: str):
    archive, into = evil(tmp_path / "x", name), tmp_path / "deep" / "into"
    before = sorted(tmp_path.rglob("*"))
    message = refuses(archive, into)
    assert NAMES[name] in message
    assert str(archive) in message
    assert sorted(tmp_path.rglob("*")) == before  # not even a folder
    good = list(FILES)
    assert extract(archive, into, wanted=lambda n: n in good and n != name) == sorted(
        file for file in good if file != name
    )


@pytest.mark.parametrize(
    ("evil", "kind", "said"),
    [
        (evil_zip, stat.S_IFLNK | 0o777, "is a link"),
        (evil_zip, stat.S_IFCHR | 0o666, "is a device"),
        (evil_zip, stat.S_IFIFO | 0o666, "is a device"),
        (evil_tar, tarfile.SYMTYPE, "is a link"),
        (evil_tar, tarfile.LNKTYPE, "is a link"),
        (evil_tar, tarfile.CHRTYPE, "is a device"),
        (evil_tar, tarfile.BLKTYPE, "is a device"),
        (evil_tar, tarfile.FIFOTYPE, "is a device"),
    ],
)
def test_links_and_devices(tmp_path: Path, evil: Callable[..., Path], kind: Any, said: str):
    archive, into = evil(tmp_path / "x", "b/passwd", kind), tmp_path / "into"
    message = refuses(archive, into)
    assert f"'b/passwd' {said}" in message
    assert not into.exists()
    assert extract(archive, into, wanted=lambda n: n != "b/passwd") == sorted(FILES)


def test_a_new_name_is_looked_at_too(tmp_path: Path):
    archive, into = zip_of(tmp_path / "x.zip", FILES), tmp_path / "into"
    assert "leaves its folder" in refuses(archive, into, rename=lambda n: f"../{n}")
    assert "has the path of" in refuses(archive, into, rename=lambda _: "same")
    assert not into.exists()


def test_more_than_the_disk_holds_is_refused(tmp_path: Path):
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("small", b"1")
        file.writestr("huge", b"0123456789")
        file.getinfo("huge").file_size = 1 << 60  # what the list at the end will say
    assert "Not enough disk space" in refuses(archive, tmp_path / "into")
    assert not (tmp_path / "into").exists()
    assert extract(archive, tmp_path / "into", wanted=lambda n: n == "small") == ["small"]


# Damage


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_cut_archive_is_said(tmp_path: Path, kind: str, share: float):
    archive = MAKERS[kind](tmp_path / "archive", FILES)
    content = archive.read_bytes()
    end = content.rindex(b"lists.txt") if kind in ("tar", "dotted") else len(content)
    archive.write_bytes(content[: int(share * end)])
    message = refuses(archive, tmp_path / "into")
    assert f"{archive}: damaged or truncated at the list of its members" in message
    assert not (tmp_path / "into").exists()


def test_a_tar_that_ends_between_two_members_is_said(tmp_path: Path):
    archive = tar_of(tmp_path / "x.tar", FILES)
    with tarfile.open(archive) as file:
        at = file.getmember("lists.txt").offset
    archive.write_bytes(archive.read_bytes()[:at])
    assert "bad header" in refuses(archive, tmp_path / "into")


def test_a_broken_header_in_a_tar_is_not_its_end(tmp_path: Path):
    archive = tar_of(tmp_path / "x.tar", FILES)
    content = bytearray(archive.read_bytes())
    content[content.index(b"b/3.mp3") + 120] ^= 1
    archive.write_bytes(content)
    assert "bad header" in refuses(archive, tmp_path / "into")


@pytest.mark.parametrize("kind", ["stored", "deflated", "bzip2"])
def test_a_flipped_bit_names_the_member(tmp_path: Path, kind: str):
    archive = MAKERS[kind](tmp_path / "archive", FILES)
    content = bytearray(archive.read_bytes())
    content[100_000] ^= 1
    archive.write_bytes(content)
    message = refuses(archive, tmp_path / "into")
    assert f"{archive}: damaged or truncated at a/1.mp3" in message
    assert not (tmp_path / "into" / "a" / "1.mp3").exists()


def test_a_flipped_bit_in_a_packed_tar_is_found_before_anything_is_written(tmp_path: Path):
    archive = tar_of(tmp_path / "x.tar.gz", FILES, "w:gz")
    content = bytearray(archive.read_bytes())
    content[-6] ^= 1  # the checksum itself
    archive.write_bytes(content)
    assert "damaged" in refuses(archive, tmp_path / "into")
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize("order", [[0, 1], [0, 2], [1, 0, 2], [0, 2, 1], [2, 1, 0]])
def test_parts_that_lack_one_or_are_out_of_order(tmp_path: Path, order: list[int]):
    parts = cut(zip_of(tmp_path / "x.zip", FILES), 3)
    chosen = [parts[n] for n in order]
    message = refuses(chosen, tmp_path / "into")
    assert all(str(part) in message for part in chosen)
    assert "/into/" not in message


def test_other_files_are_not_archives(tmp_path: Path):
    for content in (b"", b"<html>", NOISE):
        (tmp_path / "x").write_bytes(content)
        assert "damaged or truncated" in refuses(tmp_path / "x", tmp_path / "into")
    assert "No such file" in refuses(tmp_path / "none", tmp_path / "into")


def test_an_encrypted_member_is_refused(tmp_path: Path):
    archive = zip_of(tmp_path / "x.zip", {"secret": b"x"})
    content = bytearray(archive.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    assert "'secret' is encrypted" in refuses(archive, tmp_path / "into")


@pytest.mark.parametrize(("kind", "size", "what"), [
    (tarfile.GNUTYPE_LONGNAME, 2**62, MemoryError), (tarfile.XHDTYPE, 2**62, MemoryError),
    (tarfile.GNUTYPE_LONGNAME, 2**64, OverflowError), (tarfile.REGTYPE, 2**64, ValueError),
])  # fmt: skip
def test_a_size_beyond_all_bounds_is_damage(
    tmp_path: Path, kind: bytes, size: int, what: type[Exception]
):
    header = bytearray(tarfile.TarInfo("x").tobuf())
    header[124:136] = b"\x80" + size.to_bytes(11, "big")
    header[156:157], header[148:156] = kind, b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    (tmp_path / "x.tar").write_bytes(header + bytes(4096))
    with pytest.raises(TagbenchError, match=r"x\.tar: damaged or truncated") as caught:
        extract(tmp_path / "x.tar", tmp_path / "into")
    assert isinstance(caught.value.__cause__, what)


def test_an_unknown_way_to_pack_is_damage(tmp_path: Path):
    archive = zip_of(tmp_path / "x.zip", {"a": b"x"})
    content = bytearray(archive.read_bytes())
    content[8], content[content.rindex(b"PK\x01\x02") + 10] = 77, 77
    archive.write_bytes(content)
    with pytest.raises(TagbenchError, match="damaged or truncated") as caught:
        extract(archive, tmp_path / "into")
    assert isinstance(caught.value.__cause__, RuntimeError)
