"""Logical streams of Ogg files (RFC 3533), each as a file that libsndfile reads.

libsndfile reads the first of several streams that follow each other, as web radios write them. It
cannot read FLAC in Ogg, nor Opus whose last page does not mark the end of the stream.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from datamodules.audio.containers.mp3_repair import id3_length
from datamodules.audio.errors import AudioError
from datamodules.audio.formats import conversion_advice

_FIRST, _LAST = 2, 4  # flags of a page
_FLAGS, _GRANULE, _CHECKSUM = 5, 6, 22  # positions in a page
_HEADER = 27  # bytes of a page before its table of segments
_NO_GRANULE = -1
_UNKNOWN_LENGTH = 2**62
_DECODED = {b"\x01vorbis": "Vorbis", b"OpusHead": "Opus", b"\x7fFLAC": "FLAC", b"fLaC": "FLAC"}
_OTHERS = {
    b"Speex   ": "Speex",
    b"CELT    ": "CELT",
    b"PCM     ": "PCM in Ogg",
    b"\x80theora": "Theora video without audio",
}
_FLAC_MAPPING = 9  # bytes before the native FLAC stream (RFC 9639, 10.1)
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True)
class _Page:
    start: int
    body: int
    end: int
    flags: int
    granule: int
    serial: int


def split(file: Path, label: str) -> list[bytes] | None:
    """Return the audio streams of an Ogg file that libsndfile does not read by itself.

    Args:
        file: A file of any format.
        label: Its name in messages.

    Returns:
        One Ogg or native FLAC file for each stream, in order; None if libsndfile reads the whole
        file as it is, or if it is of another format.

    Raises:
        AudioError: A stream is of a codec that cannot be decoded.
    """
    with file.open("rb") as opened:
        head = opened.read(10)
        opened.seek(id3_length(head))
        if opened.read(4) != b"OggS":
            return None
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
            links = list(_links(data))
            if len(links) > 1:  # radios also write headers without audio
                links = [link for link in links if _has_audio(link)] or links[:1]
            streams = [_audio_stream(data, link, label) for link in links]
            alone = len(links) == 1 and len(links[0]) == 1 and head.startswith(b"OggS")
            if not links or (alone and not _needs_repair(*streams[0])):
                return None
            return [_repaired(data, *stream) for stream in streams]


Link = dict[int, list[_Page]]


def _links(data: mmap.mmap) -> Iterator[Link]:
    """Yield the pages of the streams that run at the same time, by serial number."""
    link: Link = {}
    in_headers = True
    for page in _pages(data):
        is_first = bool(page.flags & _FIRST)
        if is_first and not in_headers:
            yield link
            link = {}
        in_headers = is_first
        link.setdefault(page.serial, []).append(page)
    if link:
        yield link


def _pages(data: mmap.mmap) -> Iterator[_Page]:
    at = data.find(b"OggS")
    while at >= 0 and at + _HEADER <= len(data):
        flags, granule, serial = struct.unpack_from("<Bqi", data, at + _FLAGS)
        body = at + _HEADER + data[at + _HEADER - 1]
        end = body + sum(data[at + _HEADER : body])
        if end > len(data):
            return
        yield _Page(at, body, end, flags, granule, serial)
        at = data.find(b"OggS", end)


def _has_audio(link: Link) -> bool:
    return any(page.granule > 0 for pages in link.values() for page in pages)


def _audio_stream(data: mmap.mmap, link: Link, label: str) -> tuple[str, list[_Page]]:
    """Return the first stream of a link that can be decoded, and its codec."""
    other = "an unknown codec in Ogg"
    for pages in link.values():
        packet = data[pages[0].body : pages[0].end]
        for mark, codec in _DECODED.items():
            if packet.startswith(mark):
                return codec, pages
        other = next((name for mark, name in _OTHERS.items() if packet.startswith(mark)), other)
    raise AudioError(conversion_advice(other), label)


def _needs_repair(codec: str, pages: list[_Page]) -> bool:
    if codec == "FLAC":
        return True
    return (codec == "Opus" and not pages[-1].flags & _LAST) or _is_misdated(pages)


def _is_misdated(pages: list[_Page]) -> bool:
    """Return whether the last page, which states the length, is before an earlier one."""
    granules = [page.granule for page in pages if page.granule != _NO_GRANULE]
    return bool(granules) and pages[-1].granule != max(granules)


def _repaired(data: mmap.mmap, codec: str, pages: list[_Page]) -> bytes:
    """Return a stream as a file of its own."""
    if codec == "FLAC":  # the packets are those of a native FLAC file
        packets = b"".join(data[page.body : page.end] for page in pages)
        return packets[_FLAC_MAPPING:] if packets.startswith(b"\x7f") else packets
    *before, last = (bytearray(data[page.start : page.end]) for page in pages)
    last[_FLAGS] |= _LAST
    if _is_misdated(pages):
        struct.pack_into("<q", last, _GRANULE, _UNKNOWN_LENGTH)
    struct.pack_into("<I", last, _CHECKSUM, 0)
    struct.pack_into("<I", last, _CHECKSUM, page_checksum(last))
    return b"".join((*before, last))


def page_checksum(page: bytearray) -> int:
    """Return the CRC of a page: that of zlib, with the bits of bytes and result reversed."""
    mirrored = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
