"""The size of the maps of models from 2021 on: 128 bands at 22,050 Hz."""

from __future__ import annotations

from lightning_modules.frontends.base import FrontEnd
from lightning_modules.frontends.catalogue import Options, build

SAMPLE_RATE, N_FFT, HOP, BANDS = 22050, 1024, 512, 128


def build_at_22050(options: Options) -> FrontEnd:
    """Build the front end that a model's YAML selects, for audio at 22,050 Hz.

    Args:
        options: See `lightning_modules.frontends.build`.

    Returns:
        Front end of 128 bands, with a frame each 512 samples and an FFT of 1,024.
    """
    return build(
        options,
        sample_rate=SAMPLE_RATE,
        bands=BANDS,
        fits=range(BANDS, BANDS + 1),
        n_fft=N_FFT,
        hop=HOP,
    )
