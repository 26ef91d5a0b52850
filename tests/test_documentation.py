"""Snippets of the pages: tutorials run, other commands have options that exist, YAML is valid."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer
from ruamel.yaml import YAML

from benchmark.augmentations import AugmentationFile
from benchmark.cli import app
from benchmark.config.schema import BenchmarkFile, DatasetFile, ModelFile, Preset, StageFile
from benchmark.config.targets import TargetFile
from benchmark.experiment_files import load, names
from tests.support import documentation_runs as runs
from tests.support import music
from tests.support.command_line import call
from tests.support.documentation import (
    Fence,
    commands,
    example_files,
    fences,
    inline_commands,
    pages,
    write_examples,
)
from tests.support.paths import ROOT

SHELL = ("", "bash", "sh", "console")
OTHER_PROGRAMS = {
    "pip", "uv", "python", "wandb", "tensorboard", "mlflow", "hf", "huggingface-cli",
    "hear-validator",
}  # fmt: skip
NAMES_OF_THE_READER = {"COMMAND", "my_songs", "nightly"}
FILES = (ModelFile, DatasetFile, BenchmarkFile, Preset, AugmentationFile, TargetFile)
TUTORIALS = sorted(page for page in pages() if page.startswith("docs/tutorials/"))


def all_fences() -> list[Fence]:
    return [fence for page, text in pages().items() for fence in fences(page, text)]


def words_of_commands(fence: Fence) -> list[list[str]]:
    """Return the commands of a block; none if it shows output or data."""
    first = fence.text.split(maxsplit=1)[0] if fence.text.split() else ""
    program = first.removeprefix(".venv/bin/")
    if fence.language not in SHELL or program not in {"tagbench", "make", *OTHER_PROGRAMS}:
        return []
    return list(commands(fence.text))


def problem_of_tagbench(words: Sequence[str]) -> str:
    tagbench = typer.main.get_command(app)
    command, rest = tagbench, list(words)
    if not rest[0].startswith("-"):
        if rest[0] not in tagbench.commands:
            return f"no command {rest[0]}"
        command, rest = tagbench.commands[rest[0]], rest[1:]
    try:
        given, left, _ = command.make_parser(command.context_class(command)).parse_args(rest)
    except Exception as error:  # noqa: BLE001 - of click, or of its copy in typer
        return str(error) or type(error).__name__
    for kind in ("dataset", "preset", "benchmark"):
        name = given.get(kind)
        if name and not name.endswith(".yaml") and name not in names(f"{kind}s"):
            return f"no {kind} {name}"
    return f"unexpected {left}" if left else ""


def problem_of_make(words: Sequence[str]) -> str:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for word in words:
        name, given, _ = word.partition("=")
        pattern = rf"^{name} \?=" if given else rf"^[\w\- ]*\b{name}\b[\w\- ]*:"
        if not re.search(pattern, makefile, re.MULTILINE):
            return f"the Makefile has no {name}"
    return ""


def problem(words: Sequence[str]) -> str:
    """Return why a command cannot be right; empty if its names and options exist."""
    program, *rest = words[0].removeprefix(".venv/bin/"), *words[1:]
    if program == "tagbench":
        return problem_of_tagbench(rest)
    if program == "make":
        return problem_of_make(rest)
    if program == "python" and rest[0] == "-m":
        ours = rest[1].startswith(("tests", "benchmark"))
        return f"no module {rest[1]}" if ours and not importlib.util.find_spec(rest[1]) else ""
    if program == "python" and not rest[0].startswith("-") and not (ROOT / rest[0]).exists():
        return f"no file {rest[0]}"
    return "" if program in OTHER_PROGRAMS else "unknown program"


@pytest.mark.parametrize(
    "command",
    ["tagbench no-such", "tagbench run --nope", "tagbench run --dataset nope", "make nope", "nope"],
)
def test_a_wrong_command_is_found(command: str) -> None:
    assert problem(command.split())


def test_every_command_and_option_exists() -> None:
    checked = [(fence.page, words) for fence in all_fences() for words in words_of_commands(fence)]
    assert len(checked) > 100
    wrong = {f"{page}: {' '.join(words)}": problem(words) for page, words in checked}
    assert {command: text for command, text in wrong.items() if text} == {}


def test_every_command_within_a_sentence_exists() -> None:
    checked = [(page, words) for page, text in pages().items() for words in inline_commands(text)]
    assert len(checked) > 50
    wrong = {f"{page}: {' '.join(words)}": problem(words) for page, words in checked}
    # A sentence may name an option without its value.
    found = {key: text for key, text in wrong.items() if text and "requires an arg" not in text}
    assert {key for key in found if not NAMES_OF_THE_READER & set(key.split())} == set()


def test_every_yaml_snippet_is_valid(tmp_path: Path) -> None:
    known = {
        field.alias or name
        for model in (*FILES, StageFile)
        for name, field in model.model_fields.items()
    }
    blocks = [fence for fence in all_fences() if fence.language == "yaml"]
    assert len(blocks) > 20
    for number, fence in enumerate(blocks):
        content = YAML(typ="safe").load(fence.text)
        assert set(content) <= known, f"{fence.page}: unknown keys {set(content) - known}"
        models = {"transforms": AugmentationFile, "datasets": BenchmarkFile}
        for key, model in models.items():
            if key in content:
                path = tmp_path / f"{number}.yaml"
                path.write_text(fence.text, encoding="utf-8")
                load(path, model)


def test_every_python_snippet_compiles() -> None:
    for fence in all_fences():
        if fence.language == "python":
            compile(fence.text, fence.page, "exec")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tutorials")
    music.folder(root / "my_music", counts=(6, 2, 3), seconds=3.0)
    return root


@pytest.mark.parametrize("page", TUTORIALS)
def test_a_tutorial_runs(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TAGBENCH_DATA", "TAGBENCH_RESULTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    text = pages()[page]
    write_examples(text, folder)
    blocks = [fence for fence in fences(page, text) if fence.runs]
    assert blocks
    for fence in blocks:
        if fence.language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as shown:
                exec(compile(fence.text, page, "exec"), {})
            assert "sample_cnn" in shown.getvalue()
            continue
        for program, *words in commands(fence.text):
            assert program == "tagbench"
            done = call(*words, report=False)
            assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def finished(folder: Path) -> Path:
    """The folder of the tutorials, with the sweep of the first one."""
    with contextlib.chdir(folder):
        done = call("run", "--benchmark", "smoke", "--wandb", "disabled", report=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_commands_of_the_pages_run(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TAGBENCH_DATA", "TAGBENCH_RESULTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(finished)
    shown = [
        words[1:]
        for fence in all_fences()
        if not fence.page.startswith("docs/tutorials/")
        for words in words_of_commands(fence)
        if words[0] == "tagbench" and runs.is_run(words[1:])
    ]
    named = {word for words in shown for text in words for word in text.split(",")}
    checkpoints = {name for name in named if name.startswith("checkpoints/")}
    cell = runs.prepare_files(finished, checkpoints)
    moods = next(f for f in all_fences() if f.page == "docs/listening.md" and f.language == "yaml")
    (finished / "my_moods.yaml").write_text(moods.text, encoding="utf-8")
    wrong = []
    chosen = dict.fromkeys(tuple(runs.stand_in(words, cell)) for words in shown)
    assert len(chosen) > 50
    for words in chosen:
        if words[0] == "embed":
            (finished / "embeddings.parquet").unlink(missing_ok=True)  # of the command before
        done = call(*words, report=words[0] == "report")
        if done.returncode:
            wrong.append(f"{' '.join(words)}\n{done.stdout[-300:]}{done.stderr[-600:]}")
    assert not wrong, "\n".join(wrong)
    for page in ("docs/embeddings.md", "docs/publishing.md"):  # on the files of these commands
        snippet = next(f.text for f in all_fences() if f.page == page and f.language == "python")
        exec(compile(snippet.replace("musicnn-seed0", "sample_cnn-seed0"), page, "exec"), {})


def test_the_readme_is_short_and_its_pictures_are_small() -> None:
    text = pages()["README.md"]
    assert text.count("\n") <= 150
    pictures = [ROOT / path for path in re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)]
    assert len(pictures) == 2
    assert all(picture.stat().st_size < 100_000 for picture in pictures)


def test_files_of_pages_stand_in_the_working_folder() -> None:
    shown = {name for page in TUTORIALS for name in example_files(pages()[page])}
    assert shown == {"my_model.py", "my_model.yaml"}
