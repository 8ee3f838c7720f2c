"""Bombs and traps in every format but pickles: refused in one line, at once, in little memory."""

import json
import os
import resource
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.errors import GenBenchError
from tests.reliability.fuzz_targets import Target, list_targets

pytestmark = pytest.mark.reliability

SECONDS = 1.0
MEMORY = 2**30
TARGETS = {target.name: target for target in list_targets()}
Write = Callable[[Path], None]


def part(kind: bytes, content: bytes = b"") -> bytes:
    """Return a part of a PNG."""
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(
    width: int,
    height: int,
    pixels: bytes,
    *,
    form: tuple[int, int, int] = (16, 0, 0),
    extra: bytes = b"",
) -> Write:
    """Return what writes a PNG with a header of this size, form (bits, colour, interlace)."""
    depth, colour, interlace = form
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    data = b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + extra + part(b"IDAT", pixels)
    return lambda path: (path.write_bytes(data + part(b"IEND")), None)[1]


TINY = zlib.compress(bytes(3))
ZEROS = zlib.compress(bytes(2**26), 9)

IMAGES: dict[str, Write] = {
    "2^31 pixels a side": png(2**31 - 1, 2**31 - 1, TINY),
    "2^32 pixels in a row": png(2**32 - 1, 1, TINY),
    "no pixels": png(0, 5, TINY),
    "billion pixels": png(32768, 32768, TINY),
    "as many pixels as allowed, none there": png(8192, 4096, TINY),
    "the same, 16-bit colour with alpha": png(8192, 4096, TINY, form=(16, 6, 0)),
    "the same, interlaced": png(8192, 4096, TINY, form=(16, 0, 1)),
    "half the pixels, packed as tightly as can be": png(8192, 8192, ZEROS),
    "one bit a pixel": png(4096, 4096, ZEROS[: 2**15], form=(1, 0, 0)),
    "colour type 5": png(4, 4, TINY, form=(8, 5, 0)),
    "7 bits": png(4, 4, TINY, form=(7, 0, 0)),
    "palette": png(4, 4, TINY, form=(8, 3, 0)),
    "200,000 parts": png(4, 4, TINY, extra=part(b"teSt") * 200_000),
    "part that is longer than the file": png(4, 4, TINY, extra=b"\x7f\xff\xff\xffIDAT"),
    "part of negative length": png(4, 4, TINY, extra=b"\xff\xff\xff\xffIDAT"),
    "headers that differ": png(
        4, 4, TINY, extra=part(b"IHDR", struct.pack(">IIBBBBB", 2**30, 2**30, 16, 6, 0, 0, 0))
    ),
    "animation of 2^31 frames": png(
        4, 4, TINY, extra=part(b"acTL", struct.pack(">II", 2**31 - 1, 0))
        + part(b"fcTL", struct.pack(">IIIIIHHBB", 0, 2**30, 2**30, 0, 0, 1, 1, 0, 0)),
    ),
    "colour profile that unpacks to 64 MiB": png(4, 4, TINY, extra=part(b"iCCP", b"a\0\0" + ZEROS)),
    "text that unpacks to 64 MiB": png(4, 4, TINY, extra=part(b"zTXt", b"a\0\0" + ZEROS)),
}  # fmt: skip


def shard(change: Callable[[h5py.File], None], *, target: str = "shard") -> Write:
    """Return what writes a good file of ours and then makes a hostile change."""

    def write(path: Path) -> None:
        path.write_bytes(TARGETS[target].seeds[0])
        with h5py.File(path, "r+", libver="v110") as file:
            change(file)

    return write


def replace(name: str, make: Callable[[h5py.File, str], object]) -> Callable[[h5py.File], None]:
    """Return a change that puts something else in the place of `name`."""

    def change(file: h5py.File) -> None:
        del file[name]
        make(file, name)

    return change


def _bomb(file: h5py.File, name: str) -> None:
    """Make a dataset of 64 TiB that takes no space."""
    file.create_dataset(name, (2**32, 1024, 3), "f4", chunks=(2**10, 1024, 3), compression="gzip")


def _packed(file: h5py.File, name: str) -> None:
    file.create_dataset(name, data=np.zeros((2**9, 1024, 3), "f4"), compression="gzip")


def _virtual(file: h5py.File, name: str) -> None:
    layout = h5py.VirtualLayout((2**20, 1024, 3), "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (2**20, 1024, 3))
    file.create_virtual_dataset(name, layout)


def _external_storage(file: h5py.File, name: str) -> None:
    file.create_dataset(name, (1,), "i4", external=[("/etc/hostname", 0, 4)])


def _shared_text(file: h5py.File, name: str) -> None:
    """Make 65,536 texts of 64 KiB each that are all the same one."""
    file.create_dataset(name, data=np.array(["x" * 2**16, *[""] * (2**16 - 1)], object),
        dtype=h5py.string_dtype())  # fmt: skip
    offset = file[name].id.get_offset()
    file.flush()
    with Path(file.filename).open("r+b") as raw:
        raw.seek(offset)
        row = raw.read(16)
        raw.seek(offset)
        raw.write(row * 2**16)


def _long_text(file: h5py.File, name: str) -> None:
    """Make 65,536 short texts and one that makes all of them 64 KiB wide."""
    texts = ["x" * 2**16, *[""] * (2**16 - 1)]
    file.create_dataset(name, data=np.array(texts, object), dtype=h5py.string_dtype())


def _cycle(file: h5py.File) -> None:
    for number in range(50):
        file[f"frames/loop{number}"] = file["/"]
    file["objects/frames"] = file["frames"]
    del file["objects/frame"]
    file["objects/frame"] = file["objects"]


def _attribute(name: str, value: object) -> Callable[[h5py.File], None]:
    return lambda file: file.attrs.__setitem__(name, value)


POINTS, IDS = "objects/points", "frames/id"
TABLES: dict[str, Write] = {
    "clouds of 64 TiB": shard(replace(POINTS, _bomb)),
    "contiguous clouds of 64 TiB": shard(
        replace(POINTS, lambda f, n: f.create_dataset(n, (2**32, 1024, 3), "f4"))
    ),
    "clouds of 2^62 rows": shard(
        replace(POINTS, lambda f, n: f.create_dataset(n, (2**48, 1024, 3), "f4", chunks=True))
    ),
    "column of 2 TiB": shard(
        replace("objects/frame", lambda f, n: f.create_dataset(n, (2**39,), "i4"))
    ),
    "clouds packed": shard(replace(POINTS, _packed)),
    "scalar for a column": shard(
        replace("objects/frame", lambda f, n: f.create_dataset(n, data=3))
    ),
    "no dataspace": shard(
        replace("objects/frame", lambda f, n: f.create_dataset(n, data=h5py.Empty("i4")))
    ),
    "external link": shard(
        replace(POINTS, lambda f, n: f.__setitem__(n, h5py.ExternalLink("/etc/hostname", "/x")))
    ),
    "external link to a device": shard(
        replace("frames", lambda f, n: f.__setitem__(n, h5py.ExternalLink("/dev/zero", "/x")))
    ),
    "external link for a table": shard(
        replace("objects", lambda f, n: f.__setitem__(n, h5py.ExternalLink("other.h5", "objects")))
    ),
    "soft link": shard(
        replace("frames/number", lambda f, n: f.__setitem__(n, h5py.SoftLink("/objects/frame")))
    ),
    "soft link to itself": shard(
        replace(IDS, lambda f, n: f.__setitem__(n, h5py.SoftLink("/" + n)))
    ),
    "soft link for a table": shard(
        replace("frames", lambda f, n: f.__setitem__(n, h5py.SoftLink("/detections")))
    ),
    "groups that hold each other": shard(_cycle),
    "virtual dataset": shard(replace(POINTS, _virtual)),
    "external storage": shard(replace("objects/frame", _external_storage)),
    "object references": shard(
        replace(
            "objects/frame",
            lambda f, n: f.create_dataset(n, data=np.array([f.ref], dtype=h5py.ref_dtype)),
        )
    ),
    "compound type": shard(
        replace("objects/frame", lambda f, n: f.create_dataset(n, data=np.zeros(1, "i4,i4")))
    ),
    "rows of different length": shard(
        replace(IDS, lambda f, n: f.create_dataset(n, (1,), h5py.vlen_dtype("f8")))
    ),
    "dataset for a table": shard(
        replace("frames", lambda f, n: f.create_dataset(n, data=np.zeros(3)))
    ),
    "one text 65,536 times": shard(replace(IDS, _shared_text)),
    "one text of 64 KiB among many": shard(replace(IDS, _long_text)),
    "text that is not UTF-8": shard(
        replace(IDS, lambda f, n: f.create_dataset(n, data=[b"\xff"], dtype=h5py.string_dtype()))
    ),
    "info of 32 MiB": shard(_attribute("info", "[" * 2**25)),
    "info nested 100,000 times": shard(_attribute("info", '{"a":' * 100_000)),
    "info of other names": shard(_attribute("info", '{"__class__": "x"}')),
    "info that is an array": shard(_attribute("info", np.zeros(10_000))),
    "format that is an array": shard(_attribute("format", np.zeros((500, 50)))),
    "schema 10^18": shard(_attribute("schema_version", 10**18)),
    "schema of text": shard(_attribute("schema_version", "\x1b[31m\n" * 9)),
}
PREDICTIONS: dict[str, Write] = {
    "hypotheses of 2^50": shard(
        lambda f: f.create_dataset("hypotheses", (1, 2**48, 3, 4), "f4", chunks=True) and None,
        target="predictions",
    ),
    "info without anything": shard(_attribute("info", "{}"), target="predictions"),
    "hypotheses behind a link": shard(
        lambda f: f.__setitem__("hypotheses", h5py.ExternalLink("/dev/zero", "/x")),
        target="predictions",
    ),
    "hypotheses that are references": shard(
        lambda f: f.create_dataset("hypotheses", (1, 2, 3, 4), h5py.ref_dtype) and None,
        target="predictions",
    ),
}


def text(content: str) -> Write:
    return lambda path: (path.write_text(content, encoding="utf-8"), None)[1]


JSON: dict[str, Write] = {
    "100,000 lists in each other": text("[" * 100_000),
    "100,000 objects in each other": text('{"a":' * 100_000),
    "integer of 100,000 digits": text('{"format": ' + "9" * 100_000 + "}"),
    "float of 100,000 digits": text("[1e" + "9" * 100_000 + "]"),
    "6 million empty lists": text("[" + "[]," * 6_000_000 + "[]]"),
    "not JSON": text("\x1b[31m\nred"),
    "lone surrogate": text('{"format": "\\ud800"}'),
}
HEADER = json.dumps({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 4]}}).encode()
WEIGHTS: dict[str, Write] = {
    "header of 2^63 bytes": lambda path: (path.write_bytes(b"\xff" * 7 + b"\x7f{}"), None)[1],
    "header of 100 MB": lambda path: (
        path.write_bytes(struct.pack("<Q", 10**8) + b"{" * 1000), None)[1],
    "tensor of 4 TiB": lambda path: (
        path.write_bytes(struct.pack("<Q", len(HEADER)) + HEADER + bytes(4)), None)[1],
    "nested header": lambda path: (
        path.write_bytes(struct.pack("<Q", 10**5) + b"[" * 10**5), None)[1],
    "empty": lambda path: (path.write_bytes(b""), None)[1],
}  # fmt: skip


def npz(shape: str, content: bytes = b"", *, compress: bool = True) -> Write:
    """Return what writes an .npz whose arrays claim a shape."""
    head = f"{{'descr': '<f2', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head = head.ljust(117) + b"\n"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + content

    def write(path: Path) -> None:
        kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        with zipfile.ZipFile(path, "w", kind) as archive:
            for name in ("features", "detection", "category"):
                archive.writestr(f"{name}.npy", array)

    return write


def _write_pickled_npz(path: Path) -> None:
    objects = np.array([{}], object)
    np.savez(path, allow_pickle=True, features=objects, detection=objects, category=objects)


FEATURES: dict[str, Write] = {
    "features of 2 TiB": npz(f"({2**40}, 1)"),
    "features of negative shape": npz("(-1, 3)"),
    "features of 2^80": npz(f"({2**40}, {2**40})"),
    "features that unpack to 300 MiB": npz("(2, 2)", bytes(100 * 2**20)),
    "pickled features": _write_pickled_npz,
    "shape that is an expression": npz("(" * 50 + ")" * 50),
}
OBJ: dict[str, Write] = {
    "index of 10^30": text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 " + "9" * 30 + "\n"),
    "index of 4,000 digits": text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 " + "9" * 4000 + "\n"),
    "index of 100,000 digits": text("v 0 0 0\nf 1 1 " + "9" * 100_000 + "\n"),
    "index of -10^30": text("v 0 0 0\nf 1 1 -" + "9" * 30 + "\n"),
    "face of a million corners": text("v 0 0 0\nf" + " 1" * 10**6 + "\n"),
    "infinite vertex": text("v 0 0 1e999\nf 1 1 1\n"),
}
TOML: dict[str, Write] = {
    "100,000 lists in each other": text("fx = " + "[" * 100_000),
    "100,000 tables in each other": text("fx = " + "{a=" * 100_000),
    "integer of 100,000 digits": text("fx = " + "9" * 100_000),
    "2 MiB": text("# " + "x" * 2**21),
    "depth outside": text("fx=1\nfy=1\ncx=1\ncy=1\ndepth='../secret'\n"),
}
CSV: dict[str, Write] = {
    "field of a megabyte": text("frame,instance,category\n" + "x" * 2**20 + ",1,mug\n"),
    "instance of 100,000 digits": text("frame,instance,category\na," + "9" * 10**5 + ",mug\n"),
    "zero bytes": text("frame,instance,category\na\0b,1,mug\x1b[31m\n"),
    "quote that never ends": text('frame,instance,category\n"' + "a,\n" * 10**5),
}
CASES: list[tuple[str, str, Write]] = [
    (target, name, write)
    for targets, group in (
        (("depth", "mask", "map", "own depth"), IMAGES),
        (("shard",), TABLES),
        (("predictions",), PREDICTIONS),
        (("coco", "result", "record", "P3"), JSON),
        (("weights",), WEIGHTS),
        (("features",), FEATURES),
        (("mesh",), OBJ),
        (("own configuration",), TOML),
        (("own categories",), CSV),
    )
    for target in targets
    for name, write in group.items()
]


def _read(target: Target, path: Path, pipe: "object") -> None:
    """Read a file in a process of its own; tell what came of it, how long it took, and memory."""
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, resource.RLIM_INFINITY))
    start = time.process_time()
    try:
        target.read(path)
        outcome = "it was read"
    except GenBenchError as error:
        outcome = "" if _is_one_line(str(error)) else f"not one short line: {error!s:.300}"
    except BaseException as error:
        outcome = f"{type(error).__name__}: {error!s:.300}"
    pipe.send((outcome, time.process_time() - start))  # type: ignore[attr-defined]


def _is_one_line(message: str) -> bool:
    return "\n" not in message and len(message) < 600


def read_apart(target: Target, path: Path) -> tuple[str, float]:
    """Return what was wrong about the refusal of a file, "" for nothing, and its seconds."""
    ours, theirs = get_context("fork").Pipe(duplex=False)
    child = get_context("fork").Process(target=_read, args=(target, path, theirs))
    child.start()
    theirs.close()
    answer = ours.recv() if ours.poll(30) else ("it hangs", 30.0)
    child.kill()
    child.join()
    return answer


@pytest.mark.parametrize(
    ("name", "write"), [case[::2] for case in CASES], ids=[f"{a}: {b}" for a, b, _ in CASES]
)
def test_bombs_are_refused_at_once(name: str, write: Write, tmp_path: Path) -> None:
    target = TARGETS[name]
    path = tmp_path / target.file
    write(path)
    outcome, seconds = read_apart(target, path)
    assert outcome == ""
    assert seconds < SECONDS


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_no_file_is_refused(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    for kind, make in SPECIAL.items():
        path = tmp_path / kind / target.file
        path.parent.mkdir()
        make(path)
        outcome, seconds = read_apart(target, path)
        assert (kind, outcome) == (kind, "")
        assert seconds < SECONDS


def _make_sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**42)


SPECIAL: dict[str, Write] = {
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "loop": lambda path: path.symlink_to(path),
    "4 TiB": _make_sparse,
    "folder": Path.mkdir,
}


def test_the_corpus_is_large_enough() -> None:
    assert len(CASES) >= 100
