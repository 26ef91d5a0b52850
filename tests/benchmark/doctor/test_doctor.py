"""`tagbench doctor`: one finding a check, the remedies, and the exit code."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

from benchmark.doctor import devices, diagnosis, folders, requirements
from benchmark.doctor.decoders import check_decoders
from benchmark.doctor.finding import Finding, Places
from benchmark.doctor.wandb import check_wandb
from tests.support.command_line import call


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_every_subject_is_found_once_and_nothing_is_written(empty_folder: Path) -> None:
    done = call("doctor", "--json")
    findings = [Finding(**finding) for finding in json.loads(done.stdout)]
    assert done.returncode == 0, findings
    subjects = [finding.subject for finding in findings]
    assert len(subjects) == len(set(subjects))
    expected = {"python", "torch", "torchaudio", "cpu", "memory", "results folder", "audio formats"}
    assert expected <= set(subjects)
    assert "MP3" in next(f.text for f in findings if f.subject == "audio formats")
    assert list(empty_folder.iterdir()) == []


def test_a_failure_is_one_line_with_a_remedy_and_exit_code_1(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torchaudio", None)
    (empty_folder / "results").touch()
    done = call("doctor")
    failures = [line for line in done.stdout.splitlines() if line.startswith("fail")]
    assert done.returncode == 1
    assert len(failures) == 2
    assert "pip install torch==" in failures[0]
    assert "Name another folder with --results" in failures[1]
    assert done.stdout.splitlines()[-1].endswith(" 2 fail")


def test_an_error_in_a_check_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[Finding]:
        raise OSError("library not found")

    monkeypatch.setattr(diagnosis, "check_gpus", broken)
    places = Places(Path("data"), Path("results"), Path("checkpoints"))
    levels = {finding.subject: finding.level for finding in diagnosis.diagnose(places)}
    assert levels["gpu"] == "fail"
    assert levels["audio formats"] == "OK"


def test_a_format_that_cannot_be_decoded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import soundfile

    write = soundfile.write

    def without_mp3(*words: object, format: str, subtype: str) -> None:
        if format == "MP3":
            raise ValueError("no such format")
        write(*words, format=format, subtype=subtype)

    monkeypatch.setattr(soundfile, "write", without_mp3)
    broken, working = check_decoders()
    assert (broken.level, working.level) == ("fail", "OK")
    assert "MP3 (no such format)" in broken.text
    assert "MP3" not in working.text
    assert "Ogg Vorbis, Opus" in working.text


def test_packages_are_compared_with_what_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = {"": ("numpy>=99", "torch"), "a": ("absent-package",), "b": ("numpy<1",), "c": ()}
    monkeypatch.setattr(
        requirements, "requirements", lambda extra="": tuple(map(Requirement, needed[extra]))
    )
    names = "\n".join(f"Provides-Extra: {extra}" for extra in "cba")
    monkeypatch.setattr(requirements, "_metadata", lambda field="": names)
    packages = list(requirements.check_packages())[-1]
    assert packages.level == "fail"
    assert packages.text.startswith("numpy is ")
    assert packages.text.endswith("expected >=99")
    absent, wrong, installed = requirements.check_extras()
    assert (absent.level, wrong.level, installed.level) == ("OK", "warn", "OK")
    assert absent.remedy.endswith('pip install "tagbench[a]"')
    assert "absent-package" in absent.text


@pytest.mark.parametrize(("free", "level"), [(1e8, "fail"), (1e9, "warn"), (1e11, "OK")])
def test_little_space_is_reported(free: float, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "free_bytes", lambda folder: free)
    places = Places(Path("data"), Path("results"), Path("checkpoints"))
    assert [finding.level for finding in folders.check_folders(places)] == [level] * 3


def test_incomplete_checkpoints_are_named(empty_folder: Path) -> None:
    (empty_folder / "checkpoints" / "half").mkdir(parents=True)
    (empty_folder / "checkpoints" / "half" / "card.json").write_text("{}")
    places = Places(Path("data"), Path("results"), Path("checkpoints"))
    (finding,) = folders.check_checkpoints(places)
    assert (finding.level, "half" in finding.text) == ("warn", True)


def test_limits_of_a_container_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "memory.max").write_text("2000000000\n")
    monkeypatch.setattr(devices, "_CGROUP", tmp_path)
    (cpu,), (memory,) = devices.check_processor(), devices.check_memory()
    assert (cpu.level, memory.level) == ("warn", "warn")
    assert "OMP_NUM_THREADS=1" in cpu.remedy
    assert memory.text == "2.0 GB"


def test_gpus_are_described_and_an_unusable_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def memory(index: int) -> tuple[float, float]:
        if index == 1:
            raise RuntimeError("CUDA error: out of memory\nmore lines")
        return 70e9, 80e9

    facts = SimpleNamespace(name="NVIDIA H100", major=9, minor=0)
    for name, value in {
        "is_available": lambda: True, "device_count": lambda: 2, "mem_get_info": memory,
        "get_device_properties": lambda index: facts,
        "is_bf16_supported": lambda including_emulation: True,
    }.items():  # fmt: skip
        monkeypatch.setattr(torch.cuda, name, value)
    first, second = devices.check_gpus()
    assert (first.subject, first.level) == ("cuda:0", "OK")
    assert "NVIDIA H100, compute capability 9.0" in first.text
    assert "70.0 GB of 80.0 GB free; bfloat16" in first.text
    assert (second.level, second.text) == ("fail", "CUDA error: out of memory")


def test_a_driver_that_pytorch_cannot_use_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(devices, "_has_driver", lambda: True)
    assert [finding.level for finding in devices.check_gpus()] == ["warn"]
    monkeypatch.setattr(devices, "_has_driver", lambda: False)
    assert [finding.level for finding in devices.check_gpus()] == ["OK"]


def test_wandb_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRC", "absent")
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    assert "offline" in next(check_wandb()).text
    monkeypatch.setenv("WANDB_MODE", "online")
    assert next(check_wandb()).level == "fail"
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert "the project tagbench" in next(check_wandb()).text
