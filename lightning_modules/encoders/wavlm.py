"""WavLM."""

from __future__ import annotations

from typing import ClassVar

from lightning_modules.frozen.waveform_transformer import WaveformTransformer


class WavLM(WaveformTransformer):
    """Chen et al., IEEE JSTSP 2022."""

    identity: ClassVar[str] = "WavLM"
    network_class: ClassVar[str] = "WavLMModel"
    model_types: ClassVar[tuple[str, ...]] = ("wavlm",)
    title: ClassVar[str] = "WavLM"
    paper: ClassVar[str] = "Chen et al., IEEE JSTSP 2022"
    bibtex: ClassVar[str] = """@article{chen2022wavlm,
  title={WavLM: Large-Scale Self-Supervised Pre-Training for Full Stack Speech Processing},
  author={Chen, Sanyuan and Wang, Chengyi and Chen, Zhengyang and others},
  journal={IEEE J. Sel. Topics Signal Process.}, volume={16}, number={6}, year={2022}}"""
