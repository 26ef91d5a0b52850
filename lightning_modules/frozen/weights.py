"""Published weights under the names of a network's tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

# Weight normalisation has had two ways to store the length and the direction of a weight. Loaded
# without this translation, both would keep their random initial values.
_OLD_NORM, _NEW_NORM = (
    ("weight_g", "weight_v"),
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
)
_OLD_LAYER_NORM = {"gamma": "weight", "beta": "bias"}


def renamed(
    tensors: Mapping[str, Tensor],
    network: nn.Module,
    prefixes: Sequence[str] = (),
    ignored: Sequence[str] = (),
) -> dict[str, Tensor]:
    """Return tensors under the names of a network.

    Args:
        tensors: Tensors by their names in a file.
        network: Network that receives them.
        prefixes: Beginnings of names, which are removed.
        ignored: Beginnings of the names of tensors of other networks, which are left out.
    """
    known = set(network.state_dict())
    found = {}
    for name, tensor in tensors.items():
        for prefix in prefixes:
            name = name.removeprefix(prefix)
        name = name if name in known else _current(name, known)
        if name in known or not name.startswith(tuple(ignored)):
            found[name] = tensor
    return found


def _current(name: str, known: set[str]) -> str:
    """Return the present name of a tensor that an old version of a library has stored."""
    stem, _, last = name.rpartition(".")
    candidates = [f"{stem}.{_OLD_LAYER_NORM[last]}"] if last in _OLD_LAYER_NORM else []
    for here, there in ((_OLD_NORM, _NEW_NORM), (_NEW_NORM, _OLD_NORM)):
        for ours, theirs in zip(here, there, strict=True):
            if name.endswith(f".{ours}"):
                candidates.append(name.removesuffix(ours) + theirs)
    return next((candidate for candidate in candidates if candidate in known), name)


def problems(tensors: Mapping[str, Tensor], network: nn.Module) -> list[str]:
    """Return one line for each tensor that a network lacks, does not expect or cannot take."""
    state = network.state_dict()
    learned = {name for name, _ in network.named_parameters()}
    learned |= {name for name in state if name.endswith((".running_mean", ".running_var"))}
    lines = [f"{name}: missing in the file" for name in state if name in learned - set(tensors)]
    for name, tensor in tensors.items():
        if name not in state:
            lines.append(f"{name}: not part of the network")
        elif tensor.shape != state[name].shape:
            shapes = f"expected {tuple(state[name].shape)}, got {tuple(tensor.shape)}"
            lines.append(f"{name}: {shapes}")
        elif not tensor.isfinite().all():
            lines.append(f"{name}: contains NaN or infinity")
    return lines
