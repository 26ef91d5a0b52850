"""A feature model and a bag model on FMA and ISMIR2004, from published files to tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.support.command_line import call
from tests.support.publishers import fma, ismir2004
from tests.support.server import Server

PUBLISHER = fma
MODELS = "tag_prior,fma_logistic_regression[sample_rate=16000],mlp_matt[sample_rate=16000]"
ROWS = {
    "tag_prior",
    "fma_logistic_regression[sample_rate=16000]",
    "mlp_matt[sample_rate=16000]",
    "mlp_matt[sample_rate=16000] (single clips)",
}
CLASSES = """
from pathlib import Path
from datamodules.corpus.completeness import Expected
from datamodules.datasets.fma import FMA
from datamodules.datasets.ismir2004 import Ismir2004
from tests.support.publishers import relocated

COUNTS = {{"small": Expected(8, 3, 2, 2)}}
LocalFMA = relocated(FMA, {url!r}, Path({folder!r}), expected_by_variant=COUNTS)
LocalFMA.__name__ = LocalFMA.__qualname__ = "LocalFMA"
LocalFMA.__module__ = __name__


class LocalIsmir(Ismir2004):
    tracklists = {tracklists!r}
    expected_by_variant = {{"development": Expected(6, 18, 6, 24)}}
"""


@pytest.fixture(scope="module")
def ismir(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("ismir2004") / "published"
    return folder, ismir2004.publish(folder)


def test_from_publishers_to_leaderboards(
    server: Server,
    ismir: tuple[Path, dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    facts = {"url": server.url(""), "folder": str(server.folder), "tracklists": ismir[1]}
    (tmp_path / "local_genres.py").write_text(CLASSES.format(**facts))
    monkeypatch.syspath_prepend(str(tmp_path))
    params = {"fma_small": "{size: small}", "ismir2004": f"{{audio_dir: {ismir[0]}}}"}
    for name, cls in (("fma_small", "LocalFMA"), ("ismir2004", "LocalIsmir")):
        text = f"class: local_genres.{cls}\npreset: smoke\nparams: {params[name]}\n"
        (tmp_path / f"{name}.yaml").write_text(text)
    done = call(
        *("run", "--dataset", f"{tmp_path / 'fma_small.yaml'},{tmp_path / 'ismir2004.yaml'}"),
        *("--models", MODELS, "--perturbations", "white_noise:3", "--wandb", "disabled"),
        *("--data-root", str(tmp_path / "data"), "--results", str(tmp_path / "results")),
        report=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name in params:
        folder = tmp_path / "results" / name
        board = pd.read_csv(folder / "leaderboard.csv")
        assert set(board["model"]) == ROWS
        assert board["accuracy"].between(0, 1).all()
        robustness = pd.read_csv(folder / "robustness.csv")
        assert set(robustness.query("perturbation == 'white_noise'")["model"]) == ROWS
        assert pd.read_csv(folder / "failures.csv").empty
