"""The clips of the synthetic corpus of the default size."""

from __future__ import annotations

from datamodules.synthesis.factors import factors_for

RATE = 16000
SAMPLES = 465_984
CLIPS = [factors_for(0, index) for index in range(360)]
