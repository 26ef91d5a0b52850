"""wav2vec 2.0."""

from __future__ import annotations

from typing import ClassVar

from lightning_modules.frozen.waveform_transformer import WaveformTransformer


class Wav2Vec2(WaveformTransformer):
    """Baevski et al., NeurIPS 2020."""

    identity: ClassVar[str] = "Wav2Vec2"
    network_class: ClassVar[str] = "Wav2Vec2Model"
    model_types: ClassVar[tuple[str, ...]] = ("wav2vec2",)
    title: ClassVar[str] = "wav2vec 2.0"
    paper: ClassVar[str] = "Baevski et al., NeurIPS 2020"
    bibtex: ClassVar[str] = """@inproceedings{baevski2020wav2vec,
  title={wav2vec 2.0: A Framework for Self-Supervised Learning of Speech Representations},
  author={Baevski, Alexei and Zhou, Yuhao and Mohamed, Abdelrahman and Auli, Michael},
  booktitle={Proc. NeurIPS}, year={2020}}"""
