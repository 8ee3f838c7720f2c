"""A corpus of hostile pickles: none calls anything, fills memory, hangs, or is read as data."""

import gzip
import os
import pickle
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.errors import DataFormatError
from benchmark.pickles import parse_pickle

pytestmark = pytest.mark.reliability

SECONDS = 10.0
MEMORY = 2**30


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def name(module: str, attribute: str, arguments: bytes = b"(S'true'\nt") -> bytes:
    """Return a protocol 0 pickle that calls a function by its name."""
    return f"c{module}\n{attribute}\n".encode() + arguments + b"R."


def stack_name(module: str, attribute: str) -> bytes:
    """Return a protocol 4 pickle that calls a function with a dotted name."""
    parts = [b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, attribute)]
    return b"\x80\x04" + b"".join(parts) + b"\x93)R."


def array(state: bytes, dtype: bytes = b"f8") -> bytes:
    """Return a protocol 2 pickle of an array with this state after the version number."""
    head = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    kind = b"cnumpy\ndtype\nU" + bytes([len(dtype)]) + dtype + b"K\x00K\x01\x87R"
    return head + b"(K\x01" + state.replace(b"DTYPE", kind) + b"tb."


def integer(value: int) -> bytes:
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


NAMES = [
    *[("os", "system"), ("posix", "system"), ("nt", "system"), ("subprocess", "Popen")],
    *[("builtins", name) for name in ("eval", "exec", "compile", "open", "__import__", "getattr")],
    *[
        ("builtins", name)
        for name in ("object", "type", "setattr", "globals", "print", "memoryview")
    ],
    *[("__builtin__", name) for name in ("eval", "execfile", "file", "input", "apply")],
    *[
        ("importlib", "import_module"),
        ("runpy", "run_path"),
        ("pty", "spawn"),
        ("code", "interact"),
    ],
    *[("operator", "attrgetter"), ("functools", "partial"), ("types", "CodeType")],
    *[("copyreg", "_reconstructor"), ("copy_reg", "_reconstructor"), ("copyreg", "__newobj__")],
    *[("pickle", "loads"), ("_pickle", "loads"), ("marshal", "loads"), ("shelve", "open")],
    *[("numpy", "load"), ("numpy", "fromfile"), ("numpy", "memmap"), ("numpy", "matrix")],
    *[("numpy.testing._private.utils", "runstring"), ("numpy.f2py", "compile")],
    *[("numpy.core.multiarray", "fromfile"), ("numpy._core.multiarray", "__dict__")],
    *[("_codecs", "decode"), ("codecs", "open"), ("collections", "OrderedDict")],
    *[("torch._utils", "_rebuild_tensor_v2"), ("torch.storage", "_load_from_bytes")],
    *[("pathlib", "Path"), ("socket", "create_connection"), ("urllib.request", "urlopen")],
]

HOSTILE: dict[str, bytes] = {
    f"call of {module}.{attribute}": name(module, attribute) for module, attribute in NAMES
}
HOSTILE |= {
    f"os.system through protocol {protocol}": pickle.dumps(Call(os.system, "true"), protocol)
    for protocol in range(6)
}
HOSTILE |= {
    f"object array through protocol {protocol}": pickle.dumps(
        np.array([{}, Call(os.system, "true")], object), protocol
    )
    for protocol in range(6)
}
HOSTILE |= {
    # dotted names, and names that are no text
    "dotted name": stack_name("numpy", "ndarray.tofile"),
    "dotted name of a permitted function": stack_name("numpy.core.multiarray", "scalar.__class__"),
    "dotted builtin": stack_name("builtins", "set.__class__"),
    "name that is a number": b"\x80\x04K\x01K\x02\x93)R.",
    "name with other letters": "c\u202eos\nsystem\n(S'true'\ntR.".encode(),
    # opcodes that import, instantiate or call back
    "INST": b"(S'true'\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nS'true'\no.",
    "NEWOBJ of a permitted name": b"\x80\x02cnumpy\nndarray\n(K\x03t\x81.",
    "NEWOBJ_EX": b"\x80\x04\x8c\x05numpy\x8c\x07ndarray\x93(K\x03t}\x92.",
    "EXT1": b"\x80\x02\x82\x01.",
    "EXT2": b"\x80\x02\x83\x01\x00.",
    "EXT4": b"\x80\x02\x84\x01\x00\x00\x00.",
    "PERSID": b"Psome id\n.",
    "BINPERSID": b"K\x01Q.",
    "NEXT_BUFFER": b"\x80\x05\x97.",
    "READONLY_BUFFER": b"\x80\x05K\x01\x98.",
    "unknown opcode": b"\x80\x04\xff.",
    "BUILD of a dictionary": b"\x80\x02}}S'__class__'\nK\x01sb.",
    "BUILD of a name": b"\x80\x02cnumpy\nndarray\n}b.",
    "REDUCE of a value": b"\x80\x02K\x01)R.",
    "REDUCE with a list": b"\x80\x02cbuiltins\nset\n]R.",
    "name left in the data": b"\x80\x02]cbuiltins\nset\na.",
    # arrays that are not numbers or text
    "numpy.ndarray called": b"\x80\x02cnumpy\nndarray\n" + integer(2**40) + b"\x85R.",
    "subclass of arrays": pickle.dumps(np.ma.masked_array([1, 2], [0, 1])),
    "type O": b"\x80\x02cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R.",
    "object scalar": (
        b"\x80\x02cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU\x02O8\x85RU\x01x\x86R."
    ),
    "records": pickle.dumps(np.zeros(2, [("a", "f8"), ("b", "O")])),
    "records of numbers": pickle.dumps(np.zeros(2, [("a", "f8")])),
    "dates": pickle.dumps(np.array(["2020-01-01"], "datetime64[D]")),
    "void": pickle.dumps(np.zeros(3, "V8")),
    "type of text that hides records": b"\x80\x02cnumpy\ndtype\nU\x0bi4,O8,(2,)i4\x85R.",
    "type given fields later": (
        b"\x80\x02cnumpy\ndtype\nU\x02f8\x85R(K\x03U\x01<NU\x01a\x85}K\x08K\x01K\x00tb."
    ),
    # sizes that are declared, not there
    "bytes of 4 EiB": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b".",
    "bytes of 4 GiB": b"B\xff\xff\xff\xff.",
    "text of 2 EiB": b"\x80\x04\x8d" + struct.pack("<Q", 2**61) + b".",
    "text of negative length": b"T\xff\xff\xff\xff.",
    "bytearray of 1 TiB": b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b".",
    "bytearray called with a number": b"\x80\x02cbuiltins\nbytearray\n"
    + integer(2**36)
    + b"\x85R.",
    "bytes called with a number": b"\x80\x02cbuiltins\nbytes\n" + integer(2**36) + b"\x85R.",
    "integer of 1 GiB": b"\x80\x02\x8b\x00\x00\x00\x40.",
    "integer of 100,000 digits": b"L" + b"9" * 100_000 + b"L\n.",
    "array of 8 TiB": array(integer(2**40) + b"\x85DTYPE\x89U\x08" + b"0" * 8),
    "array of negative shape": array(b"J\xff\xff\xff\xff\x85DTYPE\x89U\x00"),
    "array with 2^80 empty rows": array(
        integer(2**40) + integer(2**40) + b"K\x00\x87DTYPE\x89U\x00"
    ),
    "array with a shape of text": array(b"U\x013\x85DTYPE\x89U\x00"),
    "array of 40 axes": array(b"(" + b"K\x01" * 40 + b"tDTYPE\x89U\x08" + b"0" * 8),
    "array with a state of one": array(b"K\x01"),
    "array of empty text": array(integer(2**40) + b"\x85DTYPE\x89U\x00", b"U0"),
    "array of text of 4 GB": array(b"K\x01\x85DTYPE\x89U\x08" + b"0" * 8, b"U1000000000"),
    "array of text beyond Unicode": array(b"K\x01\x85DTYPE\x89U\x04\xff\xff\xff\x7f", b"U1"),
    "truth values of 255": array(b"K\x01\x85DTYPE\x89U\x01\xff", b"b1"),
    # structure that traps whoever walks through it
    "100,000 lists in each other": b"]" * 100_000 + b"a" * 99_999 + b".",
    "100,000 tuples in each other": b")" + b"\x85" * 100_000 + b".",
    "100,000 marks": b"(" * 100_000 + b".",
    "list in itself": b"]q\x00h\x00a.",
    "dictionary in itself": b"}q\x00U\x01ah\x00s.",
    "tuple in itself": b"]q\x00h\x00\x85a.",
    "doubled 60 times": b"K\x01]q\x00" + b"(h\x00h\x00lq\x00" * 60 + b".",
    "array repeated for 100 GB": (
        b"]q\x00B"
        + struct.pack("<I", 10**6)
        + b"x" * 10**6
        + b"q\x010h\x00("
        + b"h\x01" * 100_000
        + b"e."
    ),
    "keys whose hash doubles 60 times": b"}K\x01q\x00" + b"h\x00h\x00\x86q\x000" * 60 + b"h\x00Ns.",
    "set of tuples": b"\x80\x04\x8fq\x00(K\x01\x85\x90.",
    "frozen set of lists": b"\x80\x04(]\x91.",
    "6 million opcodes": b"N" + b"N0" * 3_000_000 + b".",
    # damage
    "nothing": b"",
    "only a stop": b".",
    "no stop": b"K\x01",
    "no value to pop": b"0.",
    "value that was never stored": b"h\x07.",
    "item of a number": b"K\x01K\x02a.",
    "odd items": b"}(K\x01u.",
    "string without quotes": b"Sabc\n.",
    "text that is not UTF-8": b"X\x02\x00\x00\x00\xff\xfe.",
    "gzip bomb": gzip.compress(bytes(2**28), compresslevel=1),
    "gzip in gzip": gzip.compress(gzip.compress(pickle.dumps([1]))),
    "truncated gzip": gzip.compress(pickle.dumps(list(range(1000))))[:-20],
    "gzip of nothing": b"\x1f\x8b",
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_refused_at_once(hostile: bytes) -> None:
    start = time.monotonic()
    with pytest.raises(DataFormatError) as refusal:
        parse_pickle(hostile)
    assert time.monotonic() - start < SECONDS
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 300


def test_the_corpus_is_large_enough() -> None:
    assert len(set(HOSTILE.values())) >= 100


def test_nothing_is_called(tmp_path: Path) -> None:
    marker = tmp_path / "called"
    for protocol in range(6):
        with pytest.raises(DataFormatError):
            parse_pickle(pickle.dumps(Call(os.mkdir, str(marker)), protocol))
    assert not marker.exists()


def test_the_whole_corpus_fits_into_little_memory(tmp_path: Path) -> None:
    for number, hostile in enumerate(HOSTILE.values()):
        (tmp_path / f"{number:03d}.pkl").write_bytes(hostile)
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from benchmark.errors import DataFormatError\n"
        "from benchmark.pickles import read_pickle\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))\n"
        "refused = 0\n"
        "for path in Path(sys.argv[1]).iterdir():\n"
        "    try:\n"
        "        read_pickle(path)\n"
        "    except DataFormatError:\n"
        "        refused += 1\n"
        "print(refused)\n"
    )
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env=os.environ | one_thread | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == len(HOSTILE)
