"""Numeric settings are what `configure` says; in a process of its own, since they are global."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import json, os, torch
from benchmark.determinism import configure, describe
configure("cpu", threads=1)
facts = [describe("cpu"), torch.are_deterministic_algorithms_enabled()]
for tf32 in (True, False):
    configure("cuda:0", tf32=tf32)
    b = torch.backends
    facts.append([b.cudnn.allow_tf32, b.cuda.matmul.allow_tf32, b.cudnn.deterministic])
facts.append([torch.get_float32_matmul_precision(), b.cudnn.benchmark, b.cuda.flash_sdp_enabled()])
facts.append([torch.are_deterministic_algorithms_enabled(), os.environ["CUBLAS_WORKSPACE_CONFIG"]])
print(json.dumps(facts))
"""


def test_settings_are_applied_and_can_be_changed_back() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        {"threads": "1"}, False,
        [True, True, True],
        [False, False, True],
        ["highest", False, False],
        [True, ":4096:8"],
    ]  # fmt: skip
