"""HuBERT."""

from __future__ import annotations

from typing import ClassVar

from lightning_modules.frozen.waveform_transformer import WaveformTransformer


class Hubert(WaveformTransformer):
    """Hsu et al., IEEE/ACM TASLP 2021."""

    identity: ClassVar[str] = "Hubert"
    network_class: ClassVar[str] = "HubertModel"
    model_types: ClassVar[tuple[str, ...]] = ("hubert",)
    title: ClassVar[str] = "HuBERT"
    paper: ClassVar[str] = "Hsu et al., IEEE/ACM TASLP 2021"
    bibtex: ClassVar[str] = """@article{hsu2021hubert,
  title={HuBERT: Self-Supervised Speech Representation Learning by Masked Prediction of
    Hidden Units},
  author={Hsu, Wei-Ning and Bolte, Benjamin and Tsai, Yao-Hung Hubert and Lakhotia, Kushal and
    Salakhutdinov, Ruslan and Mohamed, Abdelrahman},
  journal={IEEE/ACM Trans. Audio, Speech, Lang. Process.}, volume={29}, year={2021}}"""
