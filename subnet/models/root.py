"""A model's root: one hash that names its weights, its tokenizer and its configuration.

Two folders have one root exactly if they hold the same bytes under the same names. Only files that
decide what a model computes count (``COUNTED``): weights, configuration, tokenizer, templates; not
READMEs, licences or caches. The tree, so that other implementations can follow:

    leaf   = BLAKE3 derive_key "assay 2026 model leaf v1" over
             u16 length of name | name in UTF-8 | u64 size of file | u64 offset | bytes of the chunk
    node   = BLAKE3 derive_key "assay 2026 model node v1" over left | right
    leaves = for each file by name (bytewise), each chunk of 1 MiB in turn; an empty file has one
    level  = pairs from the left; a last one without partner moves up unchanged

Integers are little-endian. Leaf and node have different contexts, so neither passes for the other;
the size in each leaf fixes how many leaves a file has. One chunk is in memory at a time. A root
proves bytes, not worth: the same values stored in another type or split have another root.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from blake3 import blake3

from assay.errors import UserError

ROOT_BYTES: Final = 32
CHUNK_BYTES: Final = 2**20
"""One unit that a peer could fetch and check alone. Part of the root's definition."""
COUNTED: Final = (".safetensors", ".json", ".model", ".txt", ".jinja", ".tiktoken")
"""Suffixes of the files that decide what a model computes. Part of the root's definition."""
FILES_MAX: Final = 4096
"""The largest sharded models have a few hundred files; a folder with more is not a model's."""
NAME_BYTES_MAX: Final = 255
_LEAF: Final = "assay 2026 model leaf v1"
_NODE: Final = "assay 2026 model node v1"


def counted_files(folder: Path) -> list[Path]:
    """The files directly in ``folder`` that its root covers, in canonical order."""
    names = sorted(
        (path for path in folder.iterdir() if path.suffix in COUNTED and path.is_file()),
        key=lambda path: path.name.encode(),
    )
    if len(names) > FILES_MAX:
        raise UserError(f"{folder} holds {len(names)} files.", "Give the folder of one model.")
    return names


def model_root(folder: Path) -> bytes:
    """The root of the model in ``folder``. UserError if it holds no file that counts."""
    try:
        root = _root(_leaves(folder))
    except OSError as error:
        raise unreadable(folder, error) from None
    if root is None:
        raise UserError(
            f"{folder} holds no model files.",
            "Give a folder with config.json, tokenizer.json and *.safetensors.",
        )
    return root


def unreadable(folder: Path, error: OSError) -> UserError:
    """What a person is told whose disk, or whose rights, are in the way."""
    return UserError(
        f"The model in {folder} cannot be read ({error.strerror}).",
        "Give a folder whose files this user may read.",
    )


def _root(leaves: Iterator[bytes]) -> bytes | None:
    # One slot a level of the tree: None or the left half that waits for its partner.
    waiting: list[bytes | None] = []
    for leaf in leaves:
        digest, level = leaf, 0
        while level < len(waiting) and (left := waiting[level]) is not None:
            digest, waiting[level] = _node(left, digest), None
            level += 1
        if level == len(waiting):
            waiting.append(None)
        waiting[level] = digest
    root = None
    for left in waiting:
        if left is not None:
            root = left if root is None else _node(left, root)
    return root


def _node(left: bytes, right: bytes) -> bytes:
    return blake3(left + right, derive_key_context=_NODE).digest()


def _leaves(folder: Path) -> Iterator[bytes]:
    for path in counted_files(folder):
        name = path.name.encode()
        if len(name) > NAME_BYTES_MAX:
            raise UserError(f"The file name {path.name[:40]}... is too long.", "Rename the file.")
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(0)
            for offset in range(0, max(size, 1), CHUNK_BYTES):
                chunk = stream.read(CHUNK_BYTES)
                head = struct.pack("<H", len(name)) + name + struct.pack("<QQ", size, offset)
                yield blake3(head + chunk, derive_key_context=_LEAF).digest()
