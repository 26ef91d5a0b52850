"""Address and token of the user interface in tests."""

from __future__ import annotations

TOKEN = "a-secret-of-the-test"
PORT = 8765
ORIGIN = f"http://127.0.0.1:{PORT}"
