"""Loading of pickles that may contain plain data only."""

from __future__ import annotations

import os
import pickle
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.annotations.safe_pickle import load_pickle
from datamodules.common.errors import TagbenchError


class Bomb:
    def __init__(self, call: Any, *given: Any) -> None:
        self.call, self.given = call, given

    def __reduce__(self) -> Any:
        return self.call, self.given


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_calls_something_is_refused(tmp_path: Path, protocol: int):
    path, flag = tmp_path / "x.pkl", tmp_path / "flag"
    for call, argument in (
        (os.system, f"touch {flag}"),
        (eval, f"open({str(flag)!r}, 'w')"),
        (open, str(flag)),
        (getattr, "x"),
        (zlib.compress, b"x"),
        (np.load, str(flag)),
    ):
        path.write_bytes(pickle.dumps({"fine": 1, "bad": [Bomb(call, argument)]}, protocol))
        with pytest.raises(TagbenchError) as caught:
            load_pickle(path)
        module = call.__module__ if protocol >= 3 else ""
        assert f"{module}.{call.__name__}".lstrip(".") in str(caught.value)
        assert str(path) in str(caught.value)
        assert not flag.exists()


@pytest.mark.parametrize(
    "code",
    [
        b"cos\nsystem\n(S'touch flag'\ntR.",
        b"(ios\nsystem\n.",
        b"(cos\nsystem\nS'true'\no.",
        b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.",
        b"c_codecs\nencode\n(Vx\nVzlib\ntR.",
    ],
)
def test_hand_made_pickles_are_refused(tmp_path: Path, code: bytes):
    (tmp_path / "x.pkl").write_bytes(code)
    with pytest.raises(TagbenchError, match="is not loaded: it refers to"):
        load_pickle(tmp_path / "x.pkl")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_and_arrays_come_back(tmp_path: Path, protocol: int):
    value = {
        "text": "ü", "bytes": b"\xff\x00", "number": [1, 2.5, 1 << 80, 1j, True, None],
        "sets": ({1, 2}, frozenset("a")), 7: np.float32(1.5), b"key": np.dtype("<i2"),
        "object": np.array(["a", None], dtype=object),
    }  # fmt: skip
    arrays = [
        np.arange(6, dtype=np.int16).reshape(2, 3), np.asfortranarray(np.eye(3)),
        np.array(["ab", "c"]), np.zeros((0, 4), ">f8"), np.array([True, False]),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    ]  # fmt: skip
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps((value, arrays), protocol))
    found, found_arrays = load_pickle(path)
    np.testing.assert_equal(found.pop("object"), value.pop("object"))
    assert found == value
    for array, expected in zip(found_arrays, pickle.loads(path.read_bytes())[1], strict=True):
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)


def python2_array(memo: int, values: list[int]) -> bytes:
    """Write an int64 column as Python 2.7 with NumPy 1 did under protocol 0."""
    content = np.array(values, "<i8").tobytes()
    quoted = "".join(f"\\x{byte:02x}" for byte in content).encode()
    return (
        b"cnumpy.core.multiarray\n_reconstruct\np%d\n(cnumpy\nndarray\np%d\n(I0\ntp%d\nS'b'\np%d\n"
        b"tp%d\nRp%d\n(I1\n(I%d\nI1\ntp%d\ncnumpy\ndtype\np%d\n(S'i8'\np%d\nI0\nI1\ntp%d\nRp%d\n"
        b"(I3\nS'<'\np%d\nNNNI-1\nI-1\nI0\ntp%d\nbI00\nS'%s'\np%d\ntp%d\nb"
    ) % (*range(memo, memo + 6), len(values), *range(memo + 6, memo + 13), quoted, memo + 13,
         memo + 14)  # fmt: skip


def test_a_pickle_of_python_2_loads(tmp_path: Path):
    path = tmp_path / "x.pkl"
    path.write_bytes(
        b"(dp0\nS'TRAAAAK128F9318786'\np1\n" + python2_array(10, [0, 1, 255])
        + b"sS'caf\\xe9'\np2\n" + python2_array(30, [-1])
        + b"sS'set'\np3\nc__builtin__\nset\n((lp4\nI1\naL5L\natRsVu\\u00fc\np5\nI01\ns."
    )  # fmt: skip
    found = load_pickle(path)
    assert list(found) == ["TRAAAAK128F9318786", "café", "set", "uü"]
    np.testing.assert_array_equal(found["TRAAAAK128F9318786"], [[0], [1], [255]])
    assert found["TRAAAAK128F9318786"].dtype == np.int64
    np.testing.assert_array_equal(found["café"], [[-1]])
    assert found["set"] == {1, 5}
    assert found["uü"] is True


def test_a_cut_pickle_is_said(tmp_path: Path):
    path = tmp_path / "x.pkl"
    whole = pickle.dumps({"a": np.arange(100), "b": "text"}, 2)
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(TagbenchError, match="is not a complete pickle"):
            load_pickle(path)


def test_unpickling_imports_nothing(tmp_path: Path):
    sys.modules.pop("this", None)
    (tmp_path / "x.pkl").write_bytes(b"cthis\nc\n.")
    with pytest.raises(TagbenchError, match=r"this\.c"):
        load_pickle(tmp_path / "x.pkl")
    assert "this" not in sys.modules
