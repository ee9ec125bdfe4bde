"""Installs or checks the committed Wasm build of ``runtime/`` (used by ``build_runtime.sh``).

Adds to a cargo build what makes it an artefact: the custom sections that only debuggers read
are dropped, and a small JSON document beside the Wasm names the sources it was built from.
Invariant: the two files are written together, so a test can tell from the document alone, without
a Rust toolchain, that the sources have moved on. Knows nothing of cargo, and of the runtime only
its version section.

The hash of the sources is blake2b-256 over every file of ``runtime/`` that can change the build,
in the order of the bytes of their paths: the path from ``runtime/`` with ``/`` between its parts,
a zero byte, the length of the content as eight little-endian bytes, the content. ``is_source``
says which files.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "runtime"
WASM = ROOT / "subnet" / "localnet" / "runtime" / "assay.wasm"
FACTS = WASM.with_suffix(".wasm.json")

# Folders that no Wasm build reads: build output, the judge (a workspace of its own) and tests.
OUTSIDE_FOLDERS = frozenset({"target", "oracle", "tests", "benches"})
# Test modules are compiled under cfg(test) alone.
OUTSIDE_FILES = frozenset({"tests.rs", "mock.rs"})
SOURCE_SUFFIXES = frozenset({".rs", ".toml", ".lock", ".json"})

# What a Substrate host reads; every other custom section is for debuggers.
KEPT_SECTIONS = frozenset({b"runtime_version", b"runtime_apis"})
WASM_PREAMBLE = b"\0asm\x01\0\0\0"
CUSTOM_SECTION = 0


class ArtefactError(Exception):
    """The build is not what was expected; the text is for a person."""


def is_source(relative: Path) -> bool:
    """Whether a file of ``runtime/`` can change the bytes of the build."""
    parts = relative.parts
    return (
        relative.suffix in SOURCE_SUFFIXES
        and relative.name not in OUTSIDE_FILES
        and not any(part in OUTSIDE_FOLDERS or part.startswith(".") for part in parts)
    )


def source_files(sources: Path) -> list[Path]:
    """The sources, relative to ``runtime/``, in the order in which they are hashed."""
    found = (path.relative_to(sources) for path in sources.rglob("*") if path.is_file())
    return sorted(filter(is_source, found), key=lambda path: path.as_posix().encode())


def source_hash(sources: Path = SOURCES) -> str:
    digest = hashlib.blake2b(digest_size=32)
    for relative in source_files(sources):
        content = (sources / relative).read_bytes()
        digest.update(relative.as_posix().encode() + b"\0")
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return digest.hexdigest()


def read_leb128(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number and the position after it."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def sections(wasm: bytes) -> Iterator[tuple[bytes | None, bytes, bytes]]:
    """Each section: its name if it is a custom one, its body after the name, all its bytes."""
    if not wasm.startswith(WASM_PREAMBLE):
        raise ArtefactError("the build is not a WebAssembly module")
    at = len(WASM_PREAMBLE)
    while at < len(wasm):
        start = at
        size, body = read_leb128(wasm, at + 1)
        at = body + size
        if wasm[start] != CUSTOM_SECTION:
            yield None, wasm[body:at], wasm[start:at]
            continue
        length, name = read_leb128(wasm, body)
        yield wasm[name : name + length], wasm[name + length : at], wasm[start:at]


def strip(wasm: bytes) -> bytes:
    """The module without the sections that only debuggers read."""
    kept = (whole for name, _, whole in sections(wasm) if name is None or name in KEPT_SECTIONS)
    return WASM_PREAMBLE + b"".join(kept)


def runtime_version(wasm: bytes) -> dict[str, object]:
    """The names and versions that the module states about itself (SCALE ``RuntimeVersion``)."""
    stated = [body for name, body, _ in sections(wasm) if name == b"runtime_version"]
    if not stated:
        raise ArtefactError("the build has no runtime_version section: was it built for Wasm?")
    body = stated[0]
    # Both names are shorter than 64 bytes, so their lengths are one byte: compact, four times it.
    spec_length = body[0] >> 2
    spec_name = body[1 : 1 + spec_length].decode()
    at = 1 + spec_length
    at += 1 + (body[at] >> 2) + 4  # impl_name, authoring_version
    return {"spec_name": spec_name, "spec_version": int.from_bytes(body[at : at + 4], "little")}


def facts(wasm: bytes) -> dict[str, object]:
    return {
        "source_hash": source_hash(),
        "wasm_blake2b256": hashlib.blake2b(wasm, digest_size=32).hexdigest(),
        "wasm_bytes": len(wasm),
        **runtime_version(wasm),
    }


def write_file(path: Path, content: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(content)
    os.replace(fresh, path)


def unchanged(sources: str) -> None:
    """Refuses a build during which the sources changed: nobody could say what it was built from."""
    if source_hash() != sources:
        raise ArtefactError("runtime/ changed during the build: build again")


def install(wasm: bytes) -> str:
    WASM.parent.mkdir(parents=True, exist_ok=True)
    stated = facts(wasm)
    write_file(WASM, wasm)
    write_file(FACTS, (json.dumps(stated, indent=2) + "\n").encode())
    return f"installed {WASM.relative_to(ROOT)}: {len(wasm)} bytes, {stated['wasm_blake2b256']}"


def check(wasm: bytes) -> str:
    committed = WASM.read_bytes()
    if committed != wasm:
        first = next(
            (at for at, (old, new) in enumerate(zip(committed, wasm, strict=False)) if old != new),
            min(len(committed), len(wasm)),
        )
        raise ArtefactError(
            f"the build ({len(wasm)} bytes) is not the committed one ({len(committed)} bytes): "
            f"they part at byte {first}. Run scripts/build_runtime.sh and commit what it writes."
        )
    if json.loads(FACTS.read_bytes()) != facts(wasm):
        raise ArtefactError(f"{FACTS.name} is not about the build: run scripts/build_runtime.sh")
    return f"{WASM.relative_to(ROOT)} is what runtime/ builds to, byte for byte"


def main() -> int:
    parser = argparse.ArgumentParser(description="Install or check the Wasm build of runtime/.")
    parser.add_argument("--install", type=Path, metavar="BUILT", help="make it the artefact")
    parser.add_argument("--check", type=Path, metavar="BUILT", help="compare it with the artefact")
    parser.add_argument("--sources", metavar="HASH", help="what --hash printed before the build")
    parser.add_argument("--hash", action="store_true", help="print the hash of the sources")
    chosen = parser.parse_args()
    try:
        if chosen.sources:
            unchanged(chosen.sources)
        if chosen.hash:
            said = source_hash()
        elif chosen.check:
            said = check(strip(chosen.check.read_bytes()))
        elif chosen.install:
            said = install(strip(chosen.install.read_bytes()))
        else:
            parser.error("one of --hash, --install and --check is needed")
    except (ArtefactError, FileNotFoundError) as problem:
        sys.stderr.write(f"runtime_artefact: {problem}\n")
        return 2
    sys.stdout.write(said + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
