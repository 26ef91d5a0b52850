"""Descriptions of published files."""

from __future__ import annotations

import pytest

from datamodules.common.errors import TagbenchError
from datamodules.download.remote_file import RemoteFile


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "../a"}, "below a folder"),
        ({"name": "/a"}, "below a folder"),
        ({"name": ""}, "below a folder"),
        ({"kind": "zipp"}, "Did you mean 'zip'"),
        ({"checksum": "sha257:00"}, "Did you mean 'sha256'"),
        ({"checksum": "md5:xy"}, "is not a md5"),
        ({"checksum": "md5:" + "A" * 32}, "is not a md5"),
    ],
)
def test_a_misspelt_remote_is_refused(given: dict[str, str], said: str):
    with pytest.raises(TagbenchError, match=said):
        RemoteFile(**{"name": "a", "urls": (), **given})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("zip", b"PK\x05\x06", b"PX\x05\x06"),
        ("gzip", b"\x1f\x8b\x08", b"\x1f\x8c\x08"),
        ("tar", bytes(257) + b"ustar\x0000", bytes(257) + b"star\x0000"),
        ("npy", b"\x93NUMPY\x01", b"NUMPY\x01"),
        ("sqlite", b"SQLite format 3\x00", b"SQLite format 2\x00"),
        ("text", b"a\tb\n<p>", b"a\0b"),
        ("", b"\0\0", b"\xef\xbb\xbf\n <HTML lang=en>"),
        ("", b"<?xml version='1.0'?><feed>", b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC"),
    ],
)
def test_first_bytes(kind: str, good: bytes, bad: bytes):
    some = RemoteFile("a", (), kind=kind)
    assert some.wrong_head(good) == ""
    assert some.wrong_head(bad)
    assert "empty" in some.wrong_head(b"")
