"""MERT, without the code that its publication runs: its network is that of HuBERT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from datamodules.common.errors import TagbenchError
from lightning_modules.frozen.waveform_transformer import WaveformTransformer


class Mert(WaveformTransformer):
    """Li et al., ICLR 2024: MERT-v0, MERT-v1-95M and MERT-v1-330M.

    ``attention_relax`` of the publication subtracts a constant before the softmax, which does not
    change its result.
    """

    identity: ClassVar[str] = "Mert"
    network_class: ClassVar[str] = "HubertModel"
    model_types: ClassVar[tuple[str, ...]] = ("mert_model",)
    title: ClassVar[str] = "MERT"
    paper: ClassVar[str] = "Li et al., ICLR 2024"
    bibtex: ClassVar[str] = """@inproceedings{li2024mert,
  title={MERT: Acoustic Music Understanding Model with Large-Scale Self-supervised Training},
  author={Li, Yizhi and Yuan, Ruibin and Zhang, Ge and others},
  booktitle={Proc. ICLR}, year={2024}}"""

    @classmethod
    def check_config(cls, config: Mapping[str, Any]) -> None:
        """Check that the network is that of HuBERT.

        Raises:
            TagbenchError: It has a constant-Q transform beside the waveform, or deep norms.
        """
        for option in ("feature_extractor_cqt", "deepnorm"):
            if config.get(option):
                raise TagbenchError(
                    f"The MERT of this folder has {option}: true in its config.json. Only models "
                    "without it are supported, such as m-a-p/MERT-v1-95M and m-a-p/MERT-v1-330M."
                )
