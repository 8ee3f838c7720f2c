"""Pickles of data files are read whoever wrote them, and damage gives one error."""

import gzip
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import DataFormatError
from benchmark.pickles import parse_pickle, read_pickle

PROTOCOLS = range(6)
KEYS = st.text(max_size=8) | st.integers(-(2**59), 2**59) | st.binary(max_size=4) | st.none()
SCALARS = (
    KEYS
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.binary(max_size=300).map(bytearray)
)
ARRAYS = st.builds(
    lambda shape, dtype, seed: np.random.default_rng(seed).integers(0, 2, shape).astype(dtype),
    st.lists(st.integers(0, 5), max_size=4),
    st.sampled_from(["?", "u1", "i2", "<i4", ">i4", "f2", "f4", "f8", "c16", "U3", "S4"]),
    st.integers(0, 99),
)
VALUES = st.recursive(
    SCALARS | ARRAYS | st.sets(KEYS) | st.frozensets(KEYS),
    lambda values: (
        st.lists(values, max_size=4)
        | st.tuples(values, values)
        | st.dictionaries(KEYS, values, max_size=4)
    ),
    max_leaves=12,
)


def assert_same(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, np.ndarray):
        assert found.dtype.newbyteorder("=") == expected.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found, expected)
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        for key, value in expected.items():
            assert_same(found[key], value)
    else:
        assert found == expected


@settings(max_examples=150, deadline=None)
@given(VALUES, st.sampled_from(PROTOCOLS), st.booleans())
def test_whatever_python_writes_is_read(value: Any, protocol: int, in_c: bool) -> None:
    # Python's own pickler in Python fails on two empty arrays in protocol 5
    write = pickle.dumps if in_c or protocol == 5 else pickle._dumps  # type: ignore[attr-defined]
    assert_same(parse_pickle(write(value, protocol)), value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_array_layouts_and_numpy_scalars(protocol: int) -> None:
    base = np.arange(24.0).reshape(2, 3, 4)
    values = [
        base.transpose(1, 0, 2),
        np.asfortranarray(base[0]),
        base[:, ::2],
        np.array(5.0),
        np.zeros((0, 480, 640), bool),
        np.float32(1.5),
        np.int64(-3),
        np.bool_(True),
        np.str_("mug"),
    ]
    assert_same(parse_pickle(pickle.dumps(values, protocol)), values)


def test_arrays_can_be_written_to() -> None:
    for protocol in PROTOCOLS:
        array = parse_pickle(pickle.dumps(np.zeros(3000), protocol))
        array += 1
        assert array.sum() == 3000


def test_a_value_referred_to_twice_stays_one_value() -> None:
    shared = [1]
    first, second = parse_pickle(pickle.dumps([shared, shared]))
    assert first is second


def test_modules_of_numpy_1_and_2_are_the_same() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    for protocol in (3, 5):
        written = pickle.dumps(array, protocol)
        renamed = written.replace(b"numpy._core", b"numpy.core")
        if protocol == 5:  # names carry their length
            renamed = renamed.replace(b"\x8c\x13numpy.core", b"\x8c\x12numpy.core")
        assert renamed != written
        assert_same(parse_pickle(renamed), array)


def test_python_2_array_in_a_binary_pickle() -> None:
    data = np.arange(6, dtype="<f8").tobytes()
    written = (
        b"\x80\x02}q\x01U\x06gt_RTsq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\n"
        b"ndarray\nq\x04K\x00\x85U\x01b\x87Rq\x05(K\x01K\x02K\x03\x86cnumpy\ndtype\nq\x06U\x02f8"
        b"K\x00K\x01\x87Rq\x07(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U"
        + bytes([len(data)])
        + data
        + b"tbs."
    )
    assert_same(parse_pickle(written), {"gt_RTs": np.arange(6.0).reshape(2, 3)})


def test_python_2_text_and_array_in_a_text_pickle() -> None:
    written = (
        b"(dp0\nS'name'\np1\nS'caf\\xe9 \"x\"'\np2\nsS'n'\nI5\nsS'big'\nL123456789012L\ns"
        b"S'yes'\nI01\nsS'ids'\ncnumpy.core.multiarray\n_reconstruct\np3\n(cnumpy\nndarray\np4\n"
        b"(I0\ntS'b'\ntRp5\n(I1\n(I3\ntcnumpy\ndtype\np6\n(S'u1'\nI0\nI1\ntRp7\n"
        b"(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\x01\\xff\\n'\ntbs."
    )
    expected = {
        "name": 'café "x"',
        "n": 5,
        "big": 123456789012,
        "yes": True,
        "ids": np.array([1, 255, 10], np.uint8),
    }
    assert_same(parse_pickle(written), expected)


def test_gzip_is_recognised_by_content(tmp_path: Path) -> None:
    content = {"masks": np.zeros((480, 640, 5), bool)}
    plain, packed = tmp_path / "a.pkl.gz", tmp_path / "b.pkl"
    plain.write_bytes(pickle.dumps(content))
    packed.write_bytes(gzip.compress(pickle.dumps(content)))
    assert_same(read_pickle(plain), content)
    assert_same(read_pickle(packed), content)


def test_the_message_names_the_file_and_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "results.pkl"
    path.write_bytes(pickle.dumps(Path("x")))
    with pytest.raises(DataFormatError, match=r"results\.pkl: .*names pathlib\."):
        read_pickle(path)
    with pytest.raises(DataFormatError, match=r"none\.pkl: no such file"):
        read_pickle(tmp_path / "none.pkl")


def test_damage_ends_in_the_error_or_in_plain_values() -> None:
    content = {
        "gt_RTs": np.eye(4)[None],
        "names": ["mug", "can"],
        "n": 3,
        "scores": np.array([0.5], np.float32),
    }
    rng = np.random.default_rng(0)
    refused = 0
    for protocol in PROTOCOLS:
        written = pickle.dumps(content, protocol)
        for _ in range(400):
            damaged = bytearray(written[: rng.integers(1, len(written) + 1)])
            for place in rng.integers(len(damaged), size=rng.integers(3)):
                damaged[place] = rng.integers(256)
            try:
                pickle.dumps(parse_pickle(bytes(damaged)))
            except DataFormatError:
                refused += 1
    assert refused > 1000
