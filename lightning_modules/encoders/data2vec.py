"""data2vec."""

from __future__ import annotations

from typing import ClassVar

from lightning_modules.frozen.waveform_transformer import WaveformTransformer


class Data2Vec(WaveformTransformer):
    """Baevski et al., ICML 2022."""

    identity: ClassVar[str] = "Data2Vec"
    network_class: ClassVar[str] = "Data2VecAudioModel"
    model_types: ClassVar[tuple[str, ...]] = ("data2vec-audio",)
    title: ClassVar[str] = "data2vec"
    paper: ClassVar[str] = "Baevski et al., ICML 2022"
    bibtex: ClassVar[str] = """@inproceedings{baevski2022data2vec,
  title={data2vec: A General Framework for Self-supervised Learning in Speech, Vision and Language},
  author={Baevski, Alexei and Hsu, Wei-Ning and Xu, Qiantong and Babu, Arun and Gu, Jiatao and
    Auli, Michael},
  booktitle={Proc. ICML}, year={2022}}"""
