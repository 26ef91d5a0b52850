from __future__ import annotations

import hashlib
import os
import subprocess
import sys

from datamodules.synthesis.clip_source import ClipSource
from datamodules.synthesis.render import render_clip


def test_source_digest_is_pinned_and_depends_on_each_part():
    text = b'["synth",1,0,12]'
    assert ClipSource(1, 0, 12).sha256() == hashlib.sha256(text).hexdigest()
    assert ClipSource(1, 0, 12).label == "synth/000012"
    others = [ClipSource(2, 0, 12), ClipSource(1, 1, 12), ClipSource(1, 0, 13)]
    assert len({source.sha256() for source in [ClipSource(1, 0, 12), *others]}) == 4


def test_rendering_is_the_same_in_another_process_with_other_threads():
    # Clip 4 has a choir, an organ and a flute: tables, formants, noise. Clip 2: struck, drums.
    code = (
        "import hashlib, sys\n"
        "from datamodules.synthesis.clip_source import ClipSource\n"
        "for index in (2, 4):\n"
        "    audio = ClipSource(1, 0, index).read(16000)\n"
        "    print(hashlib.sha256(audio.tobytes()).hexdigest())\n"
        "assert 'torch' not in sys.modules\n"
    )
    threads = {f"{name}_NUM_THREADS": "3" for name in ("OMP", "OPENBLAS", "MKL")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | threads,
        capture_output=True,
        text=True,
        check=True,
    )
    here = [hashlib.sha256(render_clip(0, index).tobytes()).hexdigest() for index in (2, 4)]
    assert done.stdout.split() == here
