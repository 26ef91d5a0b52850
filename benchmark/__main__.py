"""``python -m benchmark``, the same as ``tagbench``."""

from __future__ import annotations

import sys

from benchmark.interruption import Interrupted, raise_on_signals


def main() -> None:
    """Run the command line; Ctrl-C ends it with exit code 130, and SIGTERM with 143."""
    raise_on_signals()
    try:
        from benchmark.cli import main as run

        run()
    except Interrupted as signal:
        sys.stderr.write(f"{signal}\n")
        sys.exit(signal.exit_code)


if __name__ == "__main__":
    main()
