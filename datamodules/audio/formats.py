"""Names of audio files, and recognition of the codecs that libsndfile cannot decode."""

from __future__ import annotations

from pathlib import PurePath

from datamodules.audio.containers.mp3_repair import Bytes, id3_length

DECODED_SUFFIXES = frozenset(
    {
        ".aif", ".aifc", ".aiff", ".au", ".bwf", ".caf", ".flac", ".mp1", ".mp2", ".mp3", ".mpga",
        ".oga", ".ogg", ".opus", ".rf64", ".snd", ".voc", ".w64", ".wav", ".wave",
    }
)  # fmt: skip
"""Suffixes of formats that libsndfile decodes, in lower case."""

UNSUPPORTED_SUFFIXES = frozenset(
    {
        ".3gp", ".aac", ".ac3", ".adts", ".alac", ".amr", ".ape", ".dff", ".dsf", ".dts", ".eac3",
        ".ec3", ".m4a", ".m4b", ".m4p", ".m4r", ".mka", ".mp4", ".mpc", ".mpp", ".ofr", ".ra",
        ".rm", ".shn", ".spx", ".tak", ".tta", ".weba", ".webm", ".wma", ".wv",
    }
)  # fmt: skip
"""Suffixes of other audio formats. Their files are listed as rejected, with the codec."""

AUDIO_SUFFIXES = DECODED_SUFFIXES | UNSUPPORTED_SUFFIXES
"""Suffixes of the files that count as audio, in lower case."""

_SIGNATURES = (
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media Audio (WMA)"),
    (b"MAC ", "Monkey's Audio (APE)"),
    (b"wvpk", "WavPack"),
    (b"DSD ", "DSD"),
    (b"FRM8", "DSD"),
    (b"ADIF", "AAC"),
    (b"\x7f\xfe\x80\x01", "DTS"),
    (b"MPCK", "Musepack"),
    (b"MP+", "Musepack"),
    (b"TTA1", "True Audio (TTA)"),
    (b"TTA2", "True Audio (TTA)"),
    (b"tBaK", "TAK"),
    (b"#!AMR", "AMR"),
    (b".RMF", "RealAudio"),
    (b".ra\xfd", "RealAudio"),
    (b"OFR ", "OptimFROG"),
    (b"ajkg", "Shorten"),
)
_MP4_CODECS = {  # sample entries of ISO/IEC 14496-12, 8.5.2
    b"mp4a": "AAC",
    b"alac": "ALAC in MP4",
    b"Opus": "Opus in MP4",
    b"fLaC": "FLAC in MP4",
    b".mp3": "MP3 in MP4",
    b"ac-3": "AC-3",
    b"ec-3": "E-AC-3",
    b"dtsc": "DTS",
    b"samr": "AMR",
}
_MATROSKA_CODECS = {
    b"A_OPUS": "Opus in Matroska or WebM",
    b"A_VORBIS": "Vorbis in Matroska or WebM",
    b"A_AAC": "AAC",
    b"A_FLAC": "FLAC in Matroska",
    b"A_MPEG/L3": "MP3 in Matroska",
    b"A_AC3": "AC-3",
    b"A_EAC3": "E-AC-3",
    b"A_DTS": "DTS",
}
_WAV_CODECS = {
    0x00FF: "AAC in WAV",
    0x0160: "Windows Media Audio (WMA)",
    0x0161: "Windows Media Audio (WMA)",
    0x0162: "Windows Media Audio (WMA)",
    0x0163: "Windows Media Audio (WMA)",
    0x1610: "AAC in WAV",
    0x2000: "AC-3 in WAV",
    0x2001: "DTS in WAV",
    0x674F: "Vorbis in WAV",
    0xF1AC: "FLAC in WAV",
}
_DECODED_WAV_TAGS = {0x01, 0x02, 0x03, 0x06, 0x07, 0x11, 0x31, 0x38, 0x40, 0x55, 0xFFFE}
_EBML = b"\x1a\x45\xdf\xa3"
_HEADERS = 1 << 16  # codec names of Matroska and WAV are among the first bytes


def unsupported_codec(data: Bytes) -> str:
    """Return the name of a codec that libsndfile cannot decode, or an empty string.

    Args:
        data: The bytes of a file.
    """
    start = id3_length(data)
    head = bytes(data[start : start + 16])
    for signature, codec in _SIGNATURES:
        if head.startswith(signature):
            return codec
    if head[4:8] == b"ftyp":
        return _mp4_codec(data)
    if head.startswith(_EBML):
        return _first_named(_MATROSKA_CODECS, data[start : start + _HEADERS], "Matroska or WebM")
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return _wav_codec(data)
    if _is_adts(data, start):
        return "AAC"
    if head.startswith(b"\x0b\x77") and data.find(b"\x0b\x77", start + 2, start + 4096) > 0:
        return "AC-3"
    return ""


def conversion_advice(codec: str) -> str:
    """Return the reason and the remedy for a file of a codec that cannot be decoded."""
    return (
        f"unsupported codec: this build cannot decode {codec}. Convert the file, for example with "
        "'ffmpeg -i INPUT OUTPUT.flac'"
    )


def unrecognised_format(name: str) -> str:
    """Return the reason for a file whose content is not recognised.

    Args:
        name: Name of the file; its suffix shows whether it is audio.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix in UNSUPPORTED_SUFFIXES:
        return conversion_advice(f"{suffix[1:].upper()} files")
    return "unsupported format: not recognised as audio"


def _mp4_codec(data: Bytes) -> str:
    """Return the codec of the first audio track: the format of its entry in an ``stsd`` box."""
    at = data.find(b"stsd")
    while at >= 0:
        if codec := _MP4_CODECS.get(bytes(data[at + 16 : at + 20])):
            return codec
        at = data.find(b"stsd", at + 4)
    return "the audio of MP4 files"


def _wav_codec(data: Bytes) -> str:
    """Return the codec that the format tag of a WAV file names, if it is not decoded."""
    at = data.find(b"fmt ", 12, _HEADERS)
    tag = int.from_bytes(data[at + 8 : at + 10], "little")
    if at < 0 or tag in _DECODED_WAV_TAGS:
        return ""
    return _WAV_CODECS.get(tag, f"WAV of format 0x{tag:04X}")


def _first_named(names: dict[bytes, str], data: bytes, otherwise: str) -> str:
    return next((codec for name, codec in names.items() if name in data), otherwise)


def _is_adts(data: Bytes, start: int) -> bool:
    """Return whether three AAC frames in a row start here (ISO/IEC 13818-7, 6.2)."""
    for _ in range(3):
        header = data[start : start + 6]
        if len(header) < 6 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
            return False
        start += (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return True
