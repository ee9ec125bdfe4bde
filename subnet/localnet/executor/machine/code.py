"""A runtime's code as it is stored under ``:code``: unpacked, and its version without running it.

Substrate compresses runtimes: eight magic bytes, then zstd. A FRAME runtime also carries its
version in two custom sections, so that nodes need not execute a blob to know it. What unpacks to
more than the limit is refused before memory is spent on it.
"""

from __future__ import annotations

from typing import Final

from assay.localnet.errors import BadRuntime
from assay.localnet.executor.machine.wasm_binary import MAGIC, custom_section
from assay.localnet.primitives.scale import Reader, compact

COMPRESSED_MAGIC: Final = bytes.fromhex("52bc537646db8e05")
CODE_BYTES_MAX: Final = 50 * 2**20
"""What ``sp-maybe-compressed-blob`` accepts as well (its bomb limit)."""


def unpack(code: bytes) -> bytes:
    """The Wasm module in a blob that may be compressed."""
    if code.startswith(COMPRESSED_MAGIC):
        import zstandard  # most local chains never need it, and every start would pay for it

        try:
            stream = zstandard.ZstdDecompressor().stream_reader(code[len(COMPRESSED_MAGIC) :])
            code = stream.read(CODE_BYTES_MAX + 1)
        except zstandard.ZstdError as error:
            raise BadRuntime(
                f"The compressed runtime cannot be unpacked: {error}.",
                "Give the file that the runtime's build produced.",
            ) from error
    if len(code) > CODE_BYTES_MAX:
        raise BadRuntime(
            f"The runtime is larger than {CODE_BYTES_MAX >> 20} MiB.",
            "Give an optimised build without debug information.",
        )
    if not code.startswith(MAGIC):
        raise BadRuntime(
            "The runtime's code is not a Wasm module.",
            "Give the .wasm file that the runtime's build produced.",
        )
    return code


def embedded_version(wasm: bytes) -> bytes | None:
    """The encoded ``RuntimeVersion`` from the custom sections; None if the module has none.

    One section holds the version with an empty list of APIs, the other the list's items.
    """
    version = custom_section(wasm, "runtime_version")
    if version is None:
        return None
    apis = custom_section(wasm, "runtime_apis") or b""
    reader = Reader(version)
    for _name in range(2):
        reader.bytes()
    reader.take(12)  # authoring, spec and implementation version
    before = reader.position
    for _ in range(reader.items(12)):
        reader.take(12)
    return version[:before] + compact(len(apis) // 12) + apis + version[reader.position :]
