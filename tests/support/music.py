"""Small audio folders for tests, made from formulas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from datamodules.common.seeding import rng_for

RATE = 16000


def tone(index: int, seconds: float = 4.0) -> np.ndarray:
    """Return a clip: low or high chord (even, odd), with or without noise (every third)."""
    rng = rng_for("test music", index)
    time = np.arange(int(seconds * RATE)) / RATE
    base = (150 if index % 2 == 0 else 1200) * (1 + 0.3 * rng.rand())
    audio = sum(np.sin(2 * np.pi * base * k * time) / k for k in (1, 2, 3))
    if index % 3 == 0:
        audio = audio + 0.5 * rng.standard_normal(time.shape)
    return (0.2 * audio / np.abs(audio).max()).astype(np.float32)


def folder(root: Path, counts: tuple[int, int, int] = (10, 4, 6), seconds: float = 4.0) -> Path:
    """Write WAV files and ``tags.csv`` with a split column; tags ``low``, ``high``, ``noisy``."""
    root.mkdir(parents=True, exist_ok=True)
    rows = ["path,tags,split,artist"]
    splits = [s for s, n in zip(("train", "valid", "test"), counts, strict=True) for _ in range(n)]
    for index, split in enumerate(splits):
        soundfile.write(root / f"{index:03d}.wav", tone(index, seconds), RATE)
        tags = ["low" if index % 2 == 0 else "high"] + (["noisy"] if index % 3 == 0 else [])
        rows.append(f"{index:03d}.wav,{'|'.join(tags)},{split},artist{index}")
    (root / "tags.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root
