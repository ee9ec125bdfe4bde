"""Model folders for tests: copies of the demo model, changed or cut into shards."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from assay.models.layout import INDEX, WHOLE
from assay.models.source import DEMO, resolve

SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


def demo_copy(path: Path) -> Path:
    return Path(shutil.copytree(resolve(DEMO), path))


def edit(path: Path, change: Callable[[Any], object]) -> None:
    """Let ``change`` alter the JSON in ``path`` in place."""
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def tensors_of(path: Path) -> dict[str, tuple[str, list[int], bytes]]:
    """What a safetensors file holds, by the format's own description: type, shape and bytes."""
    raw = path.read_bytes()
    (size,) = struct.unpack_from("<Q", raw)
    header = json.loads(raw[8 : 8 + size])
    header.pop("__metadata__", None)
    body = raw[8 + size :]
    return {
        name: (entry["dtype"], entry["shape"], body[slice(*entry["data_offsets"])])
        for name, entry in header.items()
    }


def write_tensors(path: Path, tensors: Mapping[str, tuple[str, list[int], bytes]]) -> None:
    header, at = {}, 0
    for name, (dtype, shape, body) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(body)]}
        at += len(body)
    head = json.dumps(header).encode()
    bodies = b"".join(body for *_, body in tensors.values())
    path.write_bytes(struct.pack("<Q", len(head)) + head + bodies)


def sharded(path: Path) -> Path:
    """The demo model in two files and an index."""
    folder = demo_copy(path)
    tensors = tensors_of(folder / WHOLE)
    (folder / WHOLE).unlink()
    placed = {name: SHARDS[number % 2] for number, name in enumerate(tensors)}
    for shard in SHARDS:
        write_tensors(folder / shard, {n: t for n, t in tensors.items() if placed[n] == shard})
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": placed}))
    return folder
