"""Completion of the shell: the script, and the words that it asks for."""

from __future__ import annotations

import pytest

from tests.support.command_line import call


def test_the_script_for_bash_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    done = call("--show-completion", "bash")
    assert done.returncode == 0, done.stderr
    assert "_TAGBENCH_COMPLETE=complete_bash" in done.stdout
    assert "complete -o default -F" in done.stdout


def test_commands_are_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TAGBENCH_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "tagbench leader")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert call().stdout.split() == ["leaderboard"]
