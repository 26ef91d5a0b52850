"""Base class of the pretrained encoders."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NoReturn, Unpack

import torch
from torch import Tensor, nn

from datamodules.common.errors import TagbenchError
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.frozen.weights import problems, renamed
from lightning_modules.inputs import InputSpec

# Bounds the memory of a forward pass: 8 windows of 5 s at 24 kHz, whose first maps take 400 MB.
_VALUES_PER_PASS = 2**20


class FrozenEncoder(TaggingModule):
    """A pretrained network that maps audio to one vector for each of its layers.

    It has no output for tags. A probe or a zero-shot model names it as parent ``encoder``. A
    subclass states its facts and implements `build_network`, `outputs` and `layer_widths`; its
    weights are those of a folder as Hugging Face publishes them.

    Args:
        config: ``config.json`` of the folder.
        extractor: ``preprocessor_config.json`` of the folder; empty if there is none.
        seconds: Length of the windows.
        sha256: Digest of the file of weights.
        files: Sizes in bytes of the other files of the folder that the encoder keeps, by name.
        **base: See ``TaggingModule``.

    Attributes:
        model_types: Values of ``model_type`` in ``config.json``.
        prefixes: Beginnings of the names of its tensors, which are removed.
        ignored: Beginnings of the names of tensors that belong to other parts of the model.
        config_files: Names of the file that ``config`` holds; the first that exists is read.
        kept_files: Names of the files that are kept where the folder has them.
        default_seconds: Default of ``seconds``.
        fixed_rate: Sample rate of an encoder whose folder states none.
        least_samples: Shortest window.
        has_frames: Whether outputs (B, frames, D) of `outputs` are ordered in time, at equal
            distances.
    """

    predicts: ClassVar[bool] = False
    model_types: ClassVar[tuple[str, ...]]
    prefixes: ClassVar[tuple[str, ...]] = ()
    ignored: ClassVar[tuple[str, ...]] = ()
    config_files: ClassVar[tuple[str, ...]] = ("config.json",)
    kept_files: ClassVar[tuple[str, ...]] = ()
    default_seconds: ClassVar[float] = 5.0
    fixed_rate: ClassVar[int | None] = None
    least_samples: ClassVar[int] = 1024
    has_frames: ClassVar[bool] = True

    def __init__(
        self,
        *,
        config: Mapping[str, Any],
        extractor: Mapping[str, Any],
        seconds: float,
        sha256: str = "",
        files: Mapping[str, int] | None = None,
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(**base)
        self.config, self.extractor = dict(config), dict(extractor)
        self.files = tuple(files or {})
        self.network = self.build_network(self.config)
        # Bytes are part of the weights, so that neither ids nor hyper-parameters contain them.
        for name, size in (files or {}).items():
            self.register_buffer(_buffer(name), torch.zeros(size, dtype=torch.uint8))
        self.requires_grad_(False)
        self.eval()

    @classmethod
    def input_spec(cls, **params: Any) -> InputSpec:
        """Return windows of the given length at the rate of the folder."""
        rate = cls.rate_of(params["config"], params["extractor"])
        longest = cls.longest_seconds(params["config"], params["extractor"])
        seconds = params["seconds"]
        if longest is not None and seconds > longest:
            raise TagbenchError(
                f"{cls.__name__} takes at most {longest:g} s of audio at once, found windows of "
                f"{seconds:g} s."
            )
        most = None if longest is None else round(longest * rate)
        return InputSpec(rate, round(seconds * rate), cls.least_samples, most)

    @classmethod
    def rate_of(cls, config: Mapping[str, Any], extractor: Mapping[str, Any]) -> int:
        """Return the sample rate in Hz.

        Raises:
            TagbenchError: The folder does not state it.
        """
        stated = extractor.get("sampling_rate", config.get("sampling_rate", cls.fixed_rate))
        if stated is None:
            raise TagbenchError(
                f"{cls.__name__}: the folder states no sample rate: expected the file "
                "preprocessor_config.json with sampling_rate beside config.json. Download it too."
            )
        return int(stated)

    @classmethod
    def longest_seconds(
        cls, config: Mapping[str, Any], extractor: Mapping[str, Any]
    ) -> float | None:
        """Return the duration of the longest window; None if there is no limit."""
        return None

    @classmethod
    def check_config(cls, config: Mapping[str, Any]) -> None:
        """Raise a `TagbenchError` if the class does not compute what ``config.json`` describes."""

    @abstractmethod
    def build_network(self, config: Mapping[str, Any]) -> nn.Module:
        """Build the network of ``config.json``, with any weights."""

    @abstractmethod
    def outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """Map audio (B, T) to the outputs of all layers by `layer_names`.

        An output is (B, D), or (B, frames, D), whose mean over the frames is taken.
        """

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers, the input of the first block first; the last is that of `embed`."""
        return tuple(self.layer_widths)

    @property
    @abstractmethod
    def layer_widths(self) -> dict[str, int]:
        """Numbers of values in the vectors of the layers, by name and in order."""

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> list[str]:
        """Load published weights, under the names of their file.

        Returns:
            One line for each tensor that the network lacks, does not expect or cannot take. If
            there is any, the network is not changed.
        """
        found = renamed(tensors, self.network, self.prefixes, self.ignored)
        lines = problems(found, self.network)
        if not lines:
            self.network.load_state_dict(self.network.state_dict() | found)
        return lines

    def keep_file(self, name: str, content: bytes) -> None:
        """Keep a file whose size was given to the constructor."""
        self.get_buffer(_buffer(name)).copy_(
            torch.frombuffer(bytearray(content), dtype=torch.uint8)
        )

    def kept_file(self, name: str) -> bytes | None:
        """Return the content of a file; None if the folder had none of this name."""
        if name not in self.files:
            return None
        return self.get_buffer(_buffer(name)).cpu().numpy().tobytes()

    def embed_layers(self, audio: Tensor) -> dict[str, Tensor]:
        """Map audio (B, T) to a vector (B, D) for each layer: the mean of its output over time."""
        rows = max(1, _VALUES_PER_PASS // audio.shape[1])
        parts = [self._means(windows) for windows in torch.split(audio.float(), rows)]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _means(self, audio: Tensor) -> dict[str, Tensor]:
        outputs = self.outputs(audio)
        return {name: x.mean(1) if x.ndim == 3 else x for name, x in outputs.items()}

    def embed(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to vectors (B, D) of the last layer."""
        return self.embed_layers(audio)[self.layer_names[-1]]

    def forward(self, audio: Tensor) -> NoReturn:
        """Raise a `TagbenchError`: an encoder predicts no tags."""
        raise TagbenchError(
            f"{type(self).__name__} predicts no tags. Name it as the encoder of a probe: "
            "parents: {encoder: FOLDER} in a model's YAML."
        )


def _buffer(name: str) -> str:
    return "file_" + name.replace(".", "_")


def numbered(states: Iterable[Tensor]) -> dict[str, Tensor]:
    """Return outputs by their names ``layer_0``, ``layer_1`` and so on."""
    return {f"layer_{number}": state for number, state in enumerate(states)}


def standardised(audio: Tensor) -> Tensor:
    """Return windows (B, T) with zero mean and unit variance each.

    It is ``do_normalize`` of transformers' feature extractors of waveforms.
    """
    centred = audio - audio.mean(1, keepdim=True)
    return centred / (centred.square().mean(1, keepdim=True) + 1e-7).sqrt()
