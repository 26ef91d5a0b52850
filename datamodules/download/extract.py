"""`extract`: unpack selected members of a zip or tar archive, never outside the given folder."""

from __future__ import annotations

import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import PARTIAL, check_disk_space, exclusive_lock
from datamodules.common.progress import Progress, Silent
from datamodules.download.archive_members import Archive, Member, open_archive
from datamodules.download.split_archive import SplitArchive

_CHUNK_BYTES = 1 << 20
_DRIVE = re.compile(r"[A-Za-z]:")
# Errors of a damaged archive: those that zipfile, tarfile and the decompressors report, and those
# that a wrong byte causes elsewhere: an early end (EOFError), an offset outside the file
# (ValueError), a size too large for an index (OverflowError) or the memory, an unknown compression
# method (RuntimeError).
_DAMAGE_ERRORS = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError,
    EOFError, ValueError, OverflowError, MemoryError, RuntimeError,
)  # fmt: skip


@dataclass(frozen=True)
class _Target:
    """A member, and the path below the folder to which it is extracted."""

    member: Member
    path: PurePosixPath


def extract(
    archive: Path | Sequence[Path],
    into: Path,
    *,
    wanted: Callable[[str], bool] | None = None,
    rename: Callable[[str], str] | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """Unpack an archive: zip, or tar with gzip, bzip2, xz or no compression, by its content.

    An existing file of the right size is kept, so that a run continues an interrupted one.
    Directories and the files that macOS adds (``._*``, ``.DS_Store``, ``__MACOSX``) are skipped.

    Args:
        archive: The file, or the consecutive parts of it.
        into: Folder to unpack to.
        wanted: Returns whether to unpack the member of a name; by default all are unpacked.
        rename: Returns the path below ``into`` of the member of a name; by default the name.
        progress: Receives the number of bytes written.

    Returns:
        Names of the wanted members, sorted.

    Raises:
        TagbenchError: A wanted member would be written outside ``into`` or in the place of another
            member, or is not a regular file; or the disk has not enough space. Nothing has been
            written then. Or the archive is damaged; the files written before that are complete.
    """
    paths = [archive] if isinstance(archive, Path) else list(archive)
    title = paths[0].name if len(paths) == 1 else f"{paths[0].name} to {paths[-1].name}"
    reporter = progress or Silent()
    try:
        with io.BufferedReader(SplitArchive(paths), _CHUNK_BYTES) as file:
            with _damage(paths, "the list of its members"):
                reader = open_archive(file)
            with closing(reader):
                return _extract(reader, paths, into, wanted, rename, reporter, title)
    except OSError as error:
        raise TagbenchError(
            f"{title} could not be unpacked to {into}: {error}. The files written so far are kept. "
            "Remove the cause, and run the same command again."
        ) from error


def _extract(
    reader: Archive,
    paths: Sequence[Path],
    into: Path,
    wanted: Callable[[str], bool] | None,
    rename: Callable[[str], str] | None,
    progress: Progress,
    title: str,
) -> list[str]:
    with _damage(paths, "the list of its members"):
        listed = reader.list()
    chosen = [
        m
        for m in listed
        if not _is_metadata_of_macos(m.name) and (wanted is None or wanted(m.name))
    ]
    targets = _check(chosen, rename or str, paths[0])
    names = sorted(member.name for member in chosen)
    missing = [t for t in targets if not _is_unpacked(into / t.path, t.member.size)]
    if not missing:
        return names
    needed = sum(target.member.size for target in missing)
    check_disk_space(_nearest_folder(into), needed, title)
    into.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(
        into / ".lock",
        lambda: progress.announce(f"Waiting for another process that unpacks to {into}"),
    ):
        progress.start(needed, "bytes", f"unpack {title}")
        try:
            for target in missing:
                if _is_unpacked(into / target.path, target.member.size):  # during the wait
                    progress.advance(target.member.size)
                else:
                    with _damage(paths, target.member.name):
                        _write(reader, target.member, into / target.path, progress)
        finally:
            progress.finish()
    return names


def _write(reader: Archive, member: Member, path: Path, progress: Progress) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + PARTIAL)
    with reader.open(member) as source, partial.open("wb") as file:
        while chunk := source.read(_CHUNK_BYTES):
            file.write(chunk)
            progress.advance(len(chunk))
        written = file.tell()
    if written != member.size:
        raise EOFError(f"{written:,} of {member.size:,} bytes could be read")
    partial.replace(path)


def _is_unpacked(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _nearest_folder(path: Path) -> Path:
    return next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())


def _is_metadata_of_macos(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and (
        parts[-1].startswith("._") or parts[-1] == ".DS_Store" or "__MACOSX" in parts
    )


def _check(chosen: Iterable[Member], rename: Callable[[str], str], archive: Path) -> list[_Target]:
    """Return the path of each member; raises a `TagbenchError` if one is not acceptable."""
    targets: dict[PurePosixPath, _Target] = {}
    for member in chosen:
        defect = member.defect or _path_defect(member.name)
        renamed = "" if defect else rename(member.name)
        defect = defect or _path_defect(renamed)
        path = PurePosixPath(renamed)
        if not defect and path in targets:
            defect = f"has the path of the member {targets[path].member.name!r}"
        if defect:
            raise _refused(archive, member.name, defect)
        targets[path] = _Target(member, path)
    for path, target in targets.items():
        above = next((parent for parent in path.parents if parent in targets), None)
        if above is not None:
            raise _refused(archive, target.member.name, f"is below the file {str(above)!r}")
        if path.with_name(path.name + PARTIAL) in targets:
            defect = f"needs the temporary file {path.name + PARTIAL!r}, which is a member, too"
            raise _refused(archive, target.member.name, defect)
    return list(targets.values())


def _path_defect(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or _DRIVE.match(name):
        return "is an absolute path"
    if "\\" in name:
        return "has a backslash in its name"
    if ".." in path.parts:
        return "leaves its folder with .."
    return "" if path.parts else "has no name"


def _refused(archive: Path, name: str, defect: str) -> TagbenchError:
    return TagbenchError(
        f"{archive} is not unpacked: its member {name!r} {defect}. Nothing was written. Archives "
        "of published datasets have no such members: download it from its publisher again."
    )


@contextmanager
def _damage(paths: Sequence[Path], place: str) -> Iterator[None]:
    """Turn the errors of a damaged archive into one `TagbenchError`."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:  # an error of the disk, not of the archive
            raise
        raise _damaged(paths, place, error) from error
    except _DAMAGE_ERRORS as error:
        raise _damaged(paths, place, error) from error


def _damaged(paths: Sequence[Path], place: str, error: Exception) -> TagbenchError:
    names = ", ".join(str(path) for path in paths)
    parts = " (parts of one archive, in this order)" if len(paths) > 1 else ""
    return TagbenchError(
        f"{names}{parts}: damaged or truncated at {place}: {error or type(error).__name__}. "
        "Delete it and run the same command again. The files unpacked so far are kept."
    )
