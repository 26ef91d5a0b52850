"""Reader of the text of a user's table; the error for another format explains the conversion."""

from __future__ import annotations

import codecs
from pathlib import Path

from datamodules.common.errors import TagbenchError

_CONVERT = 'python -c "import pandas; pandas.{reader}({path!r}).to_csv({target!r}, index=False)"'
# First bytes, name, and the function of pandas that reads the format.
_SIGNATURES = (
    (b"PAR1", "a Parquet file", "read_parquet"),
    (b"ARROW1", "an Arrow file", "read_feather"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook (.xls)", ""),
    (b"\x1f\x8b", "a gzip archive", ""),
    (b"SQLite format 3", "an SQLite database", ""),
)
_SUFFIXES = {
    ".xlsx": "an Excel workbook", ".xlsm": "an Excel workbook", ".xls": "an Excel workbook",
    ".ods": "an OpenDocument spreadsheet", ".numbers": "a Numbers spreadsheet",
    ".parquet": "a Parquet file", ".feather": "an Arrow file", ".arrow": "an Arrow file",
    ".pkl": "a pickle", ".pickle": "a pickle", ".json": "a JSON document", ".gz": "a gzip archive",
    ".zip": "a zip archive", ".sqlite": "an SQLite database", ".db": "an SQLite database",
}  # fmt: skip
_READERS = {".parquet": "read_parquet", ".feather": "read_feather", ".arrow": "read_feather"}

TEXT_SUFFIXES = (".csv", ".tsv", ".tab", ".txt")
"""Suffixes of tables that are read as delimited text."""

JSONL_SUFFIXES = (".jsonl", ".ndjson")
"""Suffixes of tables that are read as JSON lines."""

OTHER_SUFFIXES = tuple(_SUFFIXES)
"""Suffixes of tables that have to be converted."""


def read_text(table: Path, example: str) -> str:
    """Return the text of a table in UTF-8, with or without a byte order mark, or in UTF-16.

    Args:
        table: The file.
        example: Content of a small table, for the message if there is none.

    Raises:
        TagbenchError: If there is no such file, it is not text, or it has another encoding.
    """
    try:
        content = table.read_bytes()
    except FileNotFoundError:
        if not table.parent.is_dir():
            raise TagbenchError(
                f"There is no directory {table.parent}. Expected a directory of audio with or "
                "without a table of tags: --data PATH"
            ) from None
        raise TagbenchError(
            f"No table of tags: {table} does not exist. Write one beside your audio, with the "
            f"columns path,tags and optionally split,artist,album. Example:\n{example}"
        ) from None
    except OSError as error:
        raise TagbenchError(f"{table} cannot be read: {error.strerror}.") from None
    check_format(table, content)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding, name = "utf-16", "UTF-16"
    else:
        encoding, name = "utf-8-sig", "UTF-8"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise TagbenchError(
            f"{table} is not {name} (byte {error.start}). Save it as UTF-8."
        ) from None
    if "\0" in text:
        raise TagbenchError(
            f"{table} is not text: it contains the character NUL. Save it as CSV in UTF-8."
        )
    return text


def check_format(table: Path, content: bytes = b"") -> None:
    """Check that a file may be a text table, by its first bytes and its suffix.

    Raises:
        TagbenchError: If it is a spreadsheet, a database or an archive, with the way to convert it.
    """
    suffix = table.suffix.lower()
    if content.startswith(b"PK\x03\x04"):
        kind = _SUFFIXES.get(suffix, "a spreadsheet (.xlsx or .ods) or a zip archive")
        raise _other_format(table, kind, "")
    for signature, kind, reader in _SIGNATURES:
        if content.startswith(signature):
            raise _other_format(table, kind, reader)
    if suffix in _SUFFIXES:
        raise _other_format(table, _SUFFIXES[suffix], _READERS.get(suffix, ""))


def _other_format(table: Path, kind: str, reader: str) -> TagbenchError:
    target = str(table.with_name("tags.csv"))
    if reader:
        how = "Convert it: " + _CONVERT.format(reader=reader, path=str(table), target=target)
    else:
        how = f"Save it as {target}: CSV in UTF-8, in LibreOffice or Excel with 'Save as'"
    return TagbenchError(
        f"{table} is {kind}, not a table of text. {how}. Its columns are path,tags and optionally "
        "split,artist,album."
    )
