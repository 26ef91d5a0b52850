"""Decoding of uploaded files, which runs in a process with limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmark.ui.work.reporting import Payload, Reporter
from datamodules.audio.decode import decode
from datamodules.audio.errors import AudioError
from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import open_atomic


def decode_upload(payload: Payload, reporter: Reporter) -> dict[str, Any]:
    """Decode a file, and write its samples (T,) as a NumPy file.

    Args:
        payload: ``file``, the uploaded file; ``name``, its name for messages; ``rate``, the sample
            rate in Hz; ``out``, the file to write.
        reporter: Receives the progress.

    Returns:
        ``seconds``, the length of the audio.

    Raises:
        TagbenchError: The file cannot be decoded.
    """
    reporter.progress(0.0, "decoding")
    name, rate = str(payload["name"]), int(payload["rate"])
    try:
        audio = decode(Path(payload["file"]), rate, name)
    except AudioError as error:
        raise TagbenchError(f"{name} cannot be used: {error.reason}") from None
    except MemoryError:
        raise TagbenchError(
            f"{name} cannot be used: its audio is too long for the memory of the process that "
            "decodes it. Cut it into shorter files."
        ) from None
    with open_atomic(Path(payload["out"]), sync=False) as out:
        np.save(out, audio, allow_pickle=False)
    return {"seconds": len(audio) / rate}
