"""Download the folder of a pretrained encoder from the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from datamodules.common.errors import TagbenchError
from lightning_modules.frozen.encoder import FrozenEncoder
from lightning_modules.frozen.packages import package

_TEXTS, _SAFE, _PICKLED = ("*.json",), ("*.safetensors",), ("*.bin", "*.pt")


def download(name: str, revision: str | None, cls: type[FrozenEncoder]) -> tuple[Path, str]:
    """Download a folder, or find it in the cache of the hub.

    Args:
        name: Name on the hub, such as ``facebook/hubert-base-ls960``.
        revision: Commit; None for the newest.
        cls: Class of the encoder.

    Returns:
        The folder, and the commit.

    Raises:
        TagbenchError: There is no such folder, or no network.
    """
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise TagbenchError(
            f"{name} is not a folder. Expected the folder of a pretrained encoder, or its name on "
            "the Hugging Face hub, such as facebook/hubert-base-ls960."
        )
    hub = package("huggingface_hub", "pip install 'tagbench[encoders]'")
    try:
        files = hub.list_repo_files(name, revision=revision)
        # Files of PyTorch are left out where the safe format has the same weights.
        safe = any(file.endswith(".safetensors") for file in files)
        wanted = [*_TEXTS, *(_SAFE if safe else _PICKLED)]
        folder = Path(hub.snapshot_download(name, revision=revision, allow_patterns=wanted))
    except Exception as error:  # the hub raises errors of several libraries  # noqa: BLE001
        try:
            folder = Path(hub.snapshot_download(name, revision=revision, local_files_only=True))
        except Exception:  # noqa: BLE001 - the first error says why
            at = f" at commit {revision}" if revision else ""
            needed = ", ".join((*cls.config_files[:1], "preprocessor_config.json", *cls.kept_files))
            raise TagbenchError(
                f"Cannot download {name}{at} ({type(error).__name__}). Download {needed} and "
                f"model.safetensors (or pytorch_model.bin) from https://huggingface.co/{name} into "
                "a folder, and import that: tagbench import-checkpoint FOLDER --model ENCODER"
            ) from error
    return folder, folder.name
