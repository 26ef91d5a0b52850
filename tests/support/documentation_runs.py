"""Commands of the pages as tests run them: on the smallest corpus, with files in its folder."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import soundfile
import torch

from benchmark.config.models import ResolvedModel
from benchmark.store.run_record import load
from benchmark.store.store import Store
from tests.support import music

DATASET = "synth_smoke"

OTHER_TESTS = {
    "ui": "starts a server; tests/benchmark/ui",
    "pretrained": "downloads; tests/benchmark/checkpoints/test_pretrained.py",
    "explain": "needs a self-attention network; tests/benchmark/cli/test_explain.py",
    "wandb-sync": "sends to W&B; tests/benchmark/tracking",
}
"""Commands that no test of pages runs: the reason, and where they are tested."""

ELSEWHERE = {
    "--pretrained": "downloads; tests/benchmark/run/test_unlabelled.py",
    "cuda:0,cuda:1": "needs two GPUs",
    "mert": "needs weights of MERT; tests/lightning_modules/encoders",
    "layer_6": "needs weights of MERT; tests/lightning_modules/encoders",
    "mert_probe.yaml": "needs weights of MERT; tests/benchmark/train/test_encoder_probes.py",
    "musicnn_msd_probe.yaml": "needs the wheel; tests/benchmark/train/test_musicnn_probe.py",
    "musicnn-0.1.0-py3-none-any.whl": "a download; tests/benchmark/checkpoints",
    "--install-completion": "changes the shell; tests/benchmark/cli/test_completion.py",
    "--show-completion": "depends on the shell; tests/benchmark/cli/test_completion.py",
}
"""Words of commands that no test of pages runs."""

_MUSIC = ("my_music", "my_folder", "path/to/my_music", "path/to/msd_audio", "clips")
_SONGS = ("song.mp3", "new_song.mp3")
_FOLDERS_OF_RESULTS = ("results/synth", "old/synth", "new/synth")
_CELL = "264fa21175650d5a"


def is_run(words: Sequence[str]) -> bool:
    """Tell whether a command, without its program, is run here and not in a test of its own."""
    texts = {text for word in words for text in (word, *word.split(","))}
    named = texts | {Path(text).name for text in texts}
    return words[0] not in OTHER_TESTS and not named & set(ELSEWHERE)


def stand_in(words: Sequence[str], cell: str) -> list[str]:
    """Return a command that does the same on the smallest corpus; a run is only planned.

    Args:
        words: The command without its program.
        cell: Id of a training cell of the corpus.
    """
    if words[0] == "run":
        return [*words, *([] if "--dry-run" in words else ["--dry-run"])]
    result = [words[0]]
    for before, word in pairwise(words):
        if word == "synth" or (before == "--dataset" and words[0] != "import-checkpoint"):
            word = DATASET
        elif before in ("--checkpoint", "-c"):
            word = f"results/cells/{cell}"
        elif word in _FOLDERS_OF_RESULTS:
            word = f"results/{DATASET}"
        result.append(word.replace(_CELL, cell))
    if "--audio-dir" in result:
        at = result.index("--audio-dir")
        del result[at : at + 2]
    return [*result, "--dry-run"] if words[0] == "wandb-report" else result


def prepare_files(root: Path, checkpoints: set[str]) -> str:
    """Write the files that commands of the pages name beside a finished sweep.

    Args:
        root: Working folder, which holds ``results/synth_smoke``.
        checkpoints: Folders of checkpoints that runs name.

    Returns:
        Id of a training cell of the sweep.
    """
    store = Store(root / "results")
    cell = next(
        str(cell["id"])
        for cell in load(DATASET, store).of_kind("train")
        if cell["labels"]["model"] != "tag_prior"
    )
    for name in checkpoints:
        shutil.copytree(store.folder(cell), root / name, dirs_exist_ok=True)
    for name in ("box2", "box2/results"):
        shutil.copytree(root / "results", root / name, dirs_exist_ok=True)
    for name in _MUSIC:
        music.folder(root / name, counts=(2, 1, 1), seconds=4.0)
    for name in _SONGS:
        soundfile.write(root / name, music.tone(0), music.RATE, format="MP3")
    weights = ResolvedModel.named("musicnn").build(50).state_dict()
    torch.save(weights, root / "best_model.pth")
    rows = [
        f"user{u},track{t},{1 + (u * t) % 5}" for u in range(8) for t in range(0, 12, 1 + u % 3)
    ]
    (root / "plays.csv").write_text("\n".join(["user,track_id,plays", *rows]) + "\n", "utf-8")
    (root / "my_aliases.csv").write_text("dataset,tag,other_dataset,other_tag,note\n", "utf-8")
    data = "class: datamodules.datasets.local_folder.Folder\nparams: {data: my_music}\n"
    (root / "my_data.yaml").write_text(data, "utf-8")
    return cell
