"""``python -m benchmark``, the same as ``tagbench``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; Ctrl-C ends it with exit code 130, also while modules are imported."""
    try:
        from benchmark.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. The same command again continues where it was.\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
