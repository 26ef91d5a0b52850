from __future__ import annotations

import io
import os
import pickle
import resource
import stat
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodules.annotations.safe_pickle import load_pickle
from datamodules.common.errors import TagbenchError
from datamodules.download import extract as archives
from datamodules.download.extract import extract
from datamodules.download.split_archive import SplitArchive

NOISE = np.random.default_rng(0).bytes(200_000)
FILES = {"a/1.mp3": NOISE, "a/2.mp3": b"two" * 9999, "b/3.mp3": b"", "lists.txt": b"1\n"}
LITTER = {"a/._1.mp3": b"x", "__MACOSX/a/1.mp3": b"x", "b/.DS_Store": b"x"}
Entry = str | zipfile.ZipInfo | tarfile.TarInfo


def zip_of(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        file.mkdir("a")
        for name, content in files.items():
            file.writestr(zipfile.ZipInfo(name), content, method)
    return path


def tar_of(path: Path, files: dict[str, bytes], mode: str = "w", prefix: str = "") -> Path:
    with tarfile.open(path, mode) as file:  # type: ignore[call-overload]
        folder = tarfile.TarInfo(f"{prefix}a")
        folder.type = tarfile.DIRTYPE
        file.addfile(folder)
        for name, content in files.items():
            info = tarfile.TarInfo(prefix + name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def cut(path: Path, count: int) -> list[Path]:
    content = path.read_bytes()
    step = -(-len(content) // count)
    parts = [path.with_name(f"{path.name}.{n + 1:03d}") for n in range(count)]
    for n, part in enumerate(parts):
        part.write_bytes(content[n * step : (n + 1) * step])
    path.unlink()
    return parts


def there(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def refuses(archive: Path | list[Path], into: Path, **how: Any) -> str:
    with pytest.raises(TagbenchError) as caught:
        extract(archive, into, **how)
    return str(caught.value)


MAKERS: dict[str, Callable[[Path, dict[str, bytes]], Path]] = {
    "stored": lambda path, files: zip_of(path, files, zipfile.ZIP_STORED),
    "deflated": zip_of,
    "bzip2": lambda path, files: zip_of(path, files, zipfile.ZIP_BZIP2),
    "tar": tar_of,
    "dotted": lambda path, files: tar_of(path, files, prefix="./"),
    "tar.gz": lambda path, files: tar_of(path, files, "w:gz"),
    "tar.bz2": lambda path, files: tar_of(path, files, "w:bz2"),
}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("parts", [1, 3])
def test_what_is_wanted_is_unpacked(tmp_path: Path, kind: str, parts: int):
    archive = MAKERS[kind](tmp_path / "archive", {**FILES, **LITTER})
    given = archive if parts == 1 else cut(archive, parts)
    into = tmp_path / "into"
    assert extract(given, into) == sorted(FILES)
    assert there(into) == FILES
    names = extract(
        given, tmp_path / "some", wanted=lambda n: n.endswith("mp3"), rename=lambda n: f"x/{n[2:]}"
    )
    assert names == ["a/1.mp3", "a/2.mp3", "b/3.mp3"]
    assert there(tmp_path / "some") == {f"x/{name[2:]}": FILES[name] for name in names}


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5), st.data())
def test_joined_parts_read_like_one_file(tmp_path_factory: Any, pieces: list[bytes], data: Any):
    folder = tmp_path_factory.mktemp("parts")
    paths = [folder / str(n) for n in range(len(pieces))]
    for path, piece in zip(paths, pieces, strict=True):
        path.write_bytes(piece)
    whole = b"".join(pieces)
    with io.BufferedReader(SplitArchive(paths), 8) as joined:
        for _ in range(4):
            at = data.draw(st.integers(0, len(whole) + 3))
            count = data.draw(st.integers(0, 60))
            joined.seek(at)
            assert joined.read(count) == whole[at : at + count]
        assert joined.seek(0, os.SEEK_END) == len(whole)


def test_progress_counts_what_is_written(tmp_path: Path):
    heard: list[Any] = []

    class Listener:
        def announce(self, text: str) -> None:
            heard.append(text)

        def start(self, total: int, unit: str = "tracks", title: str | None = None) -> None:
            heard.append((total, unit, title))

        def advance(self, count: int = 1) -> None:
            heard.append(count)

        def finish(self) -> None:
            heard.append("finished")

    archive = zip_of(tmp_path / "x.zip", FILES)
    (tmp_path / "into" / "a").mkdir(parents=True)
    (tmp_path / "into" / "a" / "1.mp3").write_bytes(FILES["a/1.mp3"])
    extract(archive, tmp_path / "into", progress=Listener())
    total = len(FILES["a/2.mp3"]) + 2  # an empty file weighs nothing
    assert heard[0] == (total, "bytes", "unpack x.zip")
    assert sum(count for count in heard if isinstance(count, int)) == total
    assert heard[-1] == "finished"


# Resuming


@pytest.mark.parametrize("kind", ["deflated", "tar.gz"])
def test_a_second_run_does_only_what_is_missing(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
):
    archive, into = MAKERS[kind](tmp_path / "archive", FILES), tmp_path / "into"
    extract(archive, into)
    (into / "a" / "2.mp3").write_bytes(b"cut")
    (into / "lists.txt").unlink()
    (into / "lists.txt.part").write_bytes(b"old")
    before = (into / "a" / "1.mp3").stat()
    written = []
    write = archives._write
    monkeypatch.setattr(
        archives, "_write", lambda *given: (written.append(given[1].name), write(*given))
    )
    assert extract(archive, into) == sorted(FILES)
    assert there(into) == FILES
    assert written == ["a/2.mp3", "lists.txt"]
    after = (into / "a" / "1.mp3").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_break_leaves_whole_files_only(tmp_path: Path):
    archive, into = zip_of(tmp_path / "x.zip", FILES), tmp_path / "into"

    class Break:
        def announce(self, text: str) -> None: ...
        def start(self, total: int, unit: str = "tracks", title: str | None = None) -> None: ...
        def finish(self) -> None: ...
        def advance(self, count: int = 1) -> None:
            if count == len(FILES["a/2.mp3"]):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(archive, into, progress=Break())
    assert there(into)["a/1.mp3"] == FILES["a/1.mp3"]
    assert not (into / "a" / "2.mp3").exists()
    extract(archive, into)
    assert there(into) == FILES


def test_a_full_disk_is_said(tmp_path: Path):
    archive, into = zip_of(tmp_path / "x.zip", FILES), tmp_path / "into"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        message = refuses(archive, into)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert f"could not be unpacked to {into}: [Errno 27]" in message
    extract(archive, into)
    assert there(into) == FILES


@pytest.mark.parametrize("kind", ["deflated", "tar.gz"])
def test_several_unpack_at_once(tmp_path: Path, kind: str):
    archive, into = MAKERS[kind](tmp_path / "archive", FILES), tmp_path / "into"
    with ThreadPoolExecutor(4) as pool:
        names = list(pool.map(lambda _: extract(archive, into), range(4)))
    assert names == [sorted(FILES)] * 4
    assert there(into) == FILES


# Archives that mean harm


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


# Pickles


class Bomb:
    def __init__(self, call: Any, *given: Any) -> None:
        self.call, self.given = call, given

    def __reduce__(self) -> Any:
        return self.call, self.given


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_calls_something_is_refused(tmp_path: Path, protocol: int):
    path, flag = tmp_path / "x.pkl", tmp_path / "flag"
    for call, argument in (
        (os.system, f"touch {flag}"),
        (eval, f"open({str(flag)!r}, 'w')"),
        (open, str(flag)),
        (getattr, "x"),
        (zlib.compress, b"x"),
        (np.load, str(flag)),
    ):
        path.write_bytes(pickle.dumps({"fine": 1, "bad": [Bomb(call, argument)]}, protocol))
        with pytest.raises(TagbenchError) as caught:
            load_pickle(path)
        module = call.__module__ if protocol >= 3 else ""
        assert f"{module}.{call.__name__}".lstrip(".") in str(caught.value)
        assert str(path) in str(caught.value)
        assert not flag.exists()


@pytest.mark.parametrize(
    "code",
    [
        b"cos\nsystem\n(S'touch flag'\ntR.",
        b"(ios\nsystem\n.",
        b"(cos\nsystem\nS'true'\no.",
        b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.",
        b"c_codecs\nencode\n(Vx\nVzlib\ntR.",
    ],
)
def test_hand_made_pickles_are_refused(tmp_path: Path, code: bytes):
    (tmp_path / "x.pkl").write_bytes(code)
    with pytest.raises(TagbenchError, match="is not loaded: it asks for"):
        load_pickle(tmp_path / "x.pkl")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_and_arrays_come_back(tmp_path: Path, protocol: int):
    value = {
        "text": "ü", "bytes": b"\xff\x00", "number": [1, 2.5, 1 << 80, 1j, True, None],
        "sets": ({1, 2}, frozenset("a")), 7: np.float32(1.5), b"key": np.dtype("<i2"),
        "object": np.array(["a", None], dtype=object),
    }  # fmt: skip
    arrays = [
        np.arange(6, dtype=np.int16).reshape(2, 3), np.asfortranarray(np.eye(3)),
        np.array(["ab", "c"]), np.zeros((0, 4), ">f8"), np.array([True, False]),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    ]  # fmt: skip
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps((value, arrays), protocol))
    found, found_arrays = load_pickle(path)
    np.testing.assert_equal(found.pop("object"), value.pop("object"))
    assert found == value
    for array, expected in zip(found_arrays, pickle.loads(path.read_bytes())[1], strict=True):
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)


def python2_array(memo: int, values: list[int]) -> bytes:
    """Write an int64 column as Python 2.7 with NumPy 1 did under protocol 0."""
    content = np.array(values, "<i8").tobytes()
    quoted = "".join(f"\\x{byte:02x}" for byte in content).encode()
    return (
        b"cnumpy.core.multiarray\n_reconstruct\np%d\n(cnumpy\nndarray\np%d\n(I0\ntp%d\nS'b'\np%d\n"
        b"tp%d\nRp%d\n(I1\n(I%d\nI1\ntp%d\ncnumpy\ndtype\np%d\n(S'i8'\np%d\nI0\nI1\ntp%d\nRp%d\n"
        b"(I3\nS'<'\np%d\nNNNI-1\nI-1\nI0\ntp%d\nbI00\nS'%s'\np%d\ntp%d\nb"
    ) % (*range(memo, memo + 6), len(values), *range(memo + 6, memo + 13), quoted, memo + 13,
         memo + 14)  # fmt: skip


def test_a_pickle_of_python_2_loads(tmp_path: Path):
    path = tmp_path / "x.pkl"
    path.write_bytes(
        b"(dp0\nS'TRAAAAK128F9318786'\np1\n" + python2_array(10, [0, 1, 255])
        + b"sS'caf\\xe9'\np2\n" + python2_array(30, [-1])
        + b"sS'set'\np3\nc__builtin__\nset\n((lp4\nI1\naL5L\natRsVu\\u00fc\np5\nI01\ns."
    )  # fmt: skip
    found = load_pickle(path)
    assert list(found) == ["TRAAAAK128F9318786", "café", "set", "uü"]
    np.testing.assert_array_equal(found["TRAAAAK128F9318786"], [[0], [1], [255]])
    assert found["TRAAAAK128F9318786"].dtype == np.int64
    np.testing.assert_array_equal(found["café"], [[-1]])
    assert found["set"] == {1, 5}
    assert found["uü"] is True


def test_a_cut_pickle_is_said(tmp_path: Path):
    path = tmp_path / "x.pkl"
    whole = pickle.dumps({"a": np.arange(100), "b": "text"}, 2)
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(TagbenchError, match="is not a whole pickle"):
            load_pickle(path)


def test_unpickling_imports_nothing(tmp_path: Path):
    sys.modules.pop("this", None)
    (tmp_path / "x.pkl").write_bytes(b"cthis\nc\n.")
    with pytest.raises(TagbenchError, match=r"this\.c"):
        load_pickle(tmp_path / "x.pkl")
    assert "this" not in sys.modules
