"""MTG-Jamendo as a local server provides it, and the archives that were asked for."""

from __future__ import annotations

from pathlib import Path

from datamodules.datasets.mtg_jamendo import Jamendo
from tests.support.publishers import relocated
from tests.support.publishers.jamendo import STEMS, expected
from tests.support.server import Server

RAW = "raw_30s/audio-low/raw_30s_audio-low"
MOOD = "autotagging_moodtheme/audio-low/autotagging_moodtheme_audio-low"


class DiskRecorder:
    """Keeps what is announced, and says what lay below a folder at each announcement."""

    def __init__(self, downloads: Path) -> None:
        self.downloads = downloads
        self.texts: list[str] = []
        self.tars: list[list[str]] = []

    def announce(self, text: str) -> None:
        self.texts.append(text)

    def start(self, total: int, unit: str = "tracks", title: str | None = None) -> None:
        found = [*self.downloads.glob("*.tar"), *self.downloads.glob("*.tar.part")]
        self.tars.append(sorted(path.name for path in found))

    def advance(self, count: int = 1) -> None:
        pass

    def finish(self) -> None:
        pass


def local(server: Server, **constants: object) -> type[Jamendo]:
    constants["expected_by_variant"] = {f"{subset}/0": expected(subset) for subset in STEMS}
    moved = relocated(Jamendo, server.url(""), server.folder, hosts=(server.url(""),), **constants)
    assert issubclass(moved, Jamendo)
    return moved


def module(server: Server, root: Path, workers: int = 0, **params: object) -> Jamendo:
    """Return a module of the served dataset; without workers, this process decodes."""
    made = local(server)(root=root, workers=workers, **params)  # type: ignore[arg-type]
    made.progress = DiskRecorder(made.downloads)
    return made


def tars(server: Server) -> dict[str, int]:
    """Return how often each archive was asked for."""
    return {
        path.removesuffix(".tar"): server.asked(path) for path in server.requests if ".tar" in path
    }
