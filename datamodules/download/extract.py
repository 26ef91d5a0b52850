"""`extract`: unpack what is wanted of a zip or tar archive, and nothing outside its folder."""

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
from datamodules.download.archive_members import Member, Members, open_members
from datamodules.download.split_archive import SplitArchive

_CHUNK_BYTES = 1 << 20
_DRIVE = re.compile(r"[A-Za-z]:")
# Damage that zipfile, tarfile and the decompressors look for; then what a wrong byte does
# elsewhere: an end too soon, a place before the start or beyond all files (ValueError), a name too
# long for an index (OverflowError) or for the memory, an unknown way to pack (RuntimeError).
_DAMAGE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError,
    EOFError, ValueError, OverflowError, MemoryError, RuntimeError,
)  # fmt: skip


@dataclass(frozen=True)
class _Target:
    """A member and the path below the folder that it is written to."""

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
    """Unpack an archive: zip, tar, or tar packed with gzip, bzip2 or xz, told by its content.

    A file that is there with the right size is kept, so a killed run is continued by another one.
    Directories and what macOS adds (``._*``, ``.DS_Store``, ``__MACOSX``) are left out.

    Args:
        archive: The file, or the parts that one file was cut into.
        into: Folder to write to.
        wanted: Says of a member's name whether to unpack it; by default all are.
        rename: Gives the path below ``into`` of a member; by default its name.
        progress: Is told of the bytes that are written.

    Returns:
        Names of the members that are there now, sorted.

    Raises:
        TagbenchError: Before anything is written, if a wanted member would lie outside ``into`` or
            in the place of another, is no plain file, or if there is no room. Later, if the
            archive turns out to be damaged; what was written by then is whole.
    """
    paths = [archive] if isinstance(archive, Path) else list(archive)
    title = paths[0].name if len(paths) == 1 else f"{paths[0].name} to {paths[-1].name}"
    listener = progress or Silent()
    try:
        with io.BufferedReader(SplitArchive(paths), _CHUNK_BYTES) as file:
            with _damage(paths, "the list of its members"):
                members = open_members(file)
            with closing(members):
                return _extract(members, paths, into, wanted, rename, listener, title)
    except OSError as error:
        raise TagbenchError(
            f"{title} could not be unpacked to {into}: {error}. What is done is kept: mend that, "
            "and run the same command again."
        ) from error


def _extract(
    members: Members,
    paths: Sequence[Path],
    into: Path,
    wanted: Callable[[str], bool] | None,
    rename: Callable[[str], str] | None,
    progress: Progress,
    title: str,
) -> list[str]:
    with _damage(paths, "the list of its members"):
        listed = members.list()
    chosen = [m for m in listed if not _is_litter(m.name) and (wanted is None or wanted(m.name))]
    targets = _check(chosen, rename or str, paths[0])
    names = sorted(member.name for member in chosen)
    missing = [t for t in targets if not _is_there(into / t.path, t.member.size)]
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
                if _is_there(into / target.path, target.member.size):  # written while we waited
                    progress.advance(target.member.size)
                else:
                    with _damage(paths, target.member.name):
                        _write(members, target.member, into / target.path, progress)
        finally:
            progress.finish()
    return names


def _write(members: Members, member: Member, path: Path, progress: Progress) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + PARTIAL)
    with members.open(member) as source, partial.open("wb") as file:
        while chunk := source.read(_CHUNK_BYTES):
            file.write(chunk)
            progress.advance(len(chunk))
        have = file.tell()
    if have != member.size:
        raise EOFError(f"{have:,} of {member.size:,} bytes are there")
    partial.replace(path)


def _is_there(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _nearest_folder(path: Path) -> Path:
    return next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())


def _is_litter(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and (
        parts[-1].startswith("._") or parts[-1] == ".DS_Store" or "__MACOSX" in parts
    )


def _check(chosen: Iterable[Member], rename: Callable[[str], str], archive: Path) -> list[_Target]:
    """Return where each member goes, or refuse all of them."""
    targets: dict[PurePosixPath, _Target] = {}
    for member in chosen:
        flaw = member.flaw or _path_flaw(member.name)
        renamed = "" if flaw else rename(member.name)
        flaw = flaw or _path_flaw(renamed)
        path = PurePosixPath(renamed)
        if not flaw and path in targets:
            flaw = f"lies where {targets[path].member.name!r} does"
        if flaw:
            raise _refused(archive, member.name, flaw)
        targets[path] = _Target(member, path)
    for path, target in targets.items():
        above = next((parent for parent in path.parents if parent in targets), None)
        if above is not None:
            raise _refused(archive, target.member.name, f"lies below the file {str(above)!r}")
        if path.with_name(path.name + PARTIAL) in targets:
            flaw = f"is written by way of {path.name + PARTIAL!r}, which is a member too"
            raise _refused(archive, target.member.name, flaw)
    return list(targets.values())


def _path_flaw(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or _DRIVE.match(name):
        return "is an absolute path"
    if "\\" in name:
        return "has a backslash in its name"
    if ".." in path.parts:
        return "climbs out of its folder with .."
    return "" if path.parts else "has no name"


def _refused(archive: Path, name: str, flaw: str) -> TagbenchError:
    return TagbenchError(
        f"{archive} is not unpacked: its member {name!r} {flaw}. Nothing was written. Archives of "
        "published datasets have no such members: get it from its publisher again."
    )


@contextmanager
def _damage(paths: Sequence[Path], place: str) -> Iterator[None]:
    """Make one error of the many that a damaged archive brings about."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:  # not of the archive: the disk is full, ...
            raise
        raise _damaged(paths, place, error) from error
    except _DAMAGE as error:
        raise _damaged(paths, place, error) from error


def _damaged(paths: Sequence[Path], place: str, error: Exception) -> TagbenchError:
    names = ", ".join(str(path) for path in paths)
    several = " (parts of one archive, in this order)" if len(paths) > 1 else ""
    return TagbenchError(
        f"{names}{several}: damaged or cut short at {place}: {error or type(error).__name__}. "
        "Delete it and run the same command again; what was unpacked so far is kept."
    )
