"""Start of the server from the command line."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request

from benchmark.cli import ui as command
from tests.support.command_line import call
from tests.support.paths import ROOT


def test_without_the_extra_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    done = call("ui")
    assert done.returncode == 2
    assert 'pip install "tagbench[ui]"' in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_port_in_use_is_refused_with_the_remedy(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = call("ui", "--no-browser", "--port", port, "--results", str(tmp_path))
    assert done.returncode == 2
    assert "--port 0 takes a free one" in done.stderr


def test_the_server_listens_on_this_machine_alone_and_ctrl_c_ends_it(tmp_path):
    arguments = ["ui", "--no-browser", "--results", str(tmp_path), "--data-root", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-m", "benchmark", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        address = process.stdout.readline().split()[1]
        assert address.startswith("http://127.0.0.1:")
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        assert "<h1" in opener.open(address, timeout=60).read().decode()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stderr.read() == ""
