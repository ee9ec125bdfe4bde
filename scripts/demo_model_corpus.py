"""The demo model's corpus: which Python sources it reads, which it never sees, and its tokenizer.

Three sets are trained on: the standard library, the library's own tests, and the packages that
the project's lock file installs (`PACKAGES`, by name and version, permissive licences only). One
library file in 16 is held out. A file of any set that shares a passage with a held-out file is
left out as well, so that a copy of a held-out module inside a package cannot be learnt by heart.
`prepare` keeps the result in a folder, so that a resumed run sees the same tokens.
"""

from __future__ import annotations

import hashlib
import json
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

EOT = "<|endoftext|>"
TRAINED_ON = ("library", "tests", "packages")

# Permissive licences only (MIT, BSD, Apache-2.0, PSF). torch, transformers and sympy are left out:
# each is larger than all of these together, and far from what the model is asked for.
PACKAGES = {
    "aiohttp": "3.14.5",
    "anyio": "4.16.0",
    "attrs": "26.1.0",
    "click": "8.5.1",
    "eth-account": "0.13.7",
    "filelock": "4.2.12",
    "fsspec": "2026.9.0",
    "h11": "0.16.0",
    "hatchling": "1.33.0",
    "httpcore2": "2.16.2",
    "httpx2": "2.16.2",
    "huggingface-hub": "2.4.0",
    "jinja2": "3.1.6",
    "loguru": "0.7.3",
    "markdown-it-py": "4.3.0",
    "mpmath": "1.3.0",
    "mypy": "2.4.1",
    "networkx": "3.6.1",
    "numpy": "2.4.6",
    "packaging": "26.3",
    "prometheus-client": "0.26.0",
    "pycparser": "3.12",
    "pydantic": "2.14.3",
    "pytest": "9.2.0",
    "pyyaml": "6.0.3",
    "rich": "15.0.0",
    "setuptools": "84.2.1",
    "sortedcontainers": "2.4.0",
    "tomlkit": "0.15.2",
    "toolz": "1.2.0",
    "typer": "0.29.2",
    "websockets": "16.1.1",
    "yarl": "1.25.1",
}

VOCAB = 4096  # see docs/demo-model.md: a larger one costs more in the embedding than it saves
HELD_OUT_EVERY = 16  # one library file in 16, chosen by the hash of its path
FILE_BYTES_MAX = 400_000  # larger ones are generated tables
FILE_CHARACTERS_MIN = 64  # an empty __init__.py teaches only that files are empty
PASSAGE_LINES = 5  # lines in a row, blank ones not counted: fewer would catch mere imports
PASSAGES_SHARED_MAX = 5  # a licence's header shares this many at most; a copied function more

# As llama 3's, but a line's end and the next line's indentation stay one token, and so does a
# name with the one character before it (".items", "_file", "(self").
PIECES = (
    r"[^\s\p{L}\p{N}]?\p{L}+| \p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+|\s*\n+\s*(?=\S)|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class Corpus:
    """Token streams by set, documents joined by the end-of-text token, and what was counted."""

    streams: dict[str, np.ndarray]
    held_out: np.ndarray
    held_out_bytes: int
    files: dict[str, int]
    left_out: list[str]
    """The files that share a passage with a held-out file."""


def is_table(text: str) -> bool:
    """Generated tables (code pages, unicode data) teach nothing about code: mostly non-letters."""
    letters = sum(map(str.isalpha, text)) + text.count(" ")
    return letters < 0.55 * len(text)


def library_files() -> Iterator[tuple[str, str, Path]]:
    """The set, name and path of each file of the standard library, in the order of the paths."""
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        if {"site-packages", "dist-packages"} & set(parts):
            continue
        name = "/".join(parts)
        if {"test", "tests", "idle_test"} & set(parts):
            yield "tests", name, path
        elif hashlib.sha256(name.encode()).digest()[0] % HELD_OUT_EVERY == 0:
            yield "held_out", name, path
        else:
            yield "library", name, path


def package_files() -> Iterator[tuple[str, str, Path]]:
    """The set, name and path of each Python file of `PACKAGES`."""
    for package, version in PACKAGES.items():
        try:
            found = distribution(package)
        except PackageNotFoundError:
            found = None
        if found is None or found.version != version:
            raise SystemExit(
                f"the corpus needs {package} {version}, and {found and found.version} is "
                f"installed: pip install {package}=={version}"
            )
        for file in sorted(found.files or (), key=str):
            path = Path(str(file.locate()))
            if file.suffix == ".py" and path.is_file():
                yield "packages", str(file), path


def passages(text: str) -> set[int]:
    """Hashes of each `PASSAGE_LINES` lines in a row of ``text``, without blanks around a line."""
    lines = [line for raw in text.splitlines() if (line := raw.strip())]
    return {
        int.from_bytes(hashlib.blake2b("\n".join(run).encode(), digest_size=8).digest())
        for run in zip(*(lines[i:] for i in range(PASSAGE_LINES)), strict=False)
    }


def apart(files: list[tuple[str, str]], held_out: list[str]) -> tuple[list[str], list[str]]:
    """The texts of ``files`` (name, text) that share next to nothing with a text of ``held_out``,
    and the names of the others."""
    unseen = set().union(*map(passages, held_out))
    kept: list[str] = []
    shared: list[str] = []
    for name, text in files:
        if len(passages(text) & unseen) > PASSAGES_SHARED_MAX:
            shared.append(name)
        else:
            kept.append(text)
    return kept, shared


def read_sources() -> tuple[dict[str, list[str]], list[str]]:
    """Texts by set, each once, and the names of files left out for what they share."""
    found: dict[str, list[tuple[str, str]]] = {name: [] for name in (*TRAINED_ON, "held_out")}
    seen: set[bytes] = set()
    for kind, name, path in (*library_files(), *package_files()):
        if path.stat().st_size > FILE_BYTES_MAX:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a few files of the library are in other encodings on purpose
        digest = hashlib.sha256(text.encode()).digest()
        if len(text) < FILE_CHARACTERS_MIN or digest in seen or is_table(text):
            continue
        seen.add(digest)
        found[kind].append((name, text))
    held_out = [text for _, text in found["held_out"]]
    sets, left_out = {"held_out": held_out}, []
    for kind in TRAINED_ON:
        sets[kind], shared = apart(found[kind], held_out)
        left_out += shared
    return sets, left_out


def train_tokenizer(texts: list[str], vocabulary: int = VOCAB, pieces: str = PIECES) -> Tokenizer:
    """A byte-level BPE of ``vocabulary`` tokens, which never joins two ``pieces``."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pieces), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[EOT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def prepare(work: Path) -> tuple[Corpus, Tokenizer]:
    """Corpus and tokenizer, kept in ``work`` so that a resumed run sees the same ones."""
    tokenizer_file, stream_file = work / "tokenizer.json", work / "corpus.npz"
    if not stream_file.exists():
        sets, left_out = read_sources()
        tokenizer = train_tokenizer(sets["library"] + sets["tests"][::4] + sets["packages"][::4])
        tokenizer.save(str(tokenizer_file))
        eot = tokenizer.token_to_id(EOT)
        arrays: dict[str, Any] = {}
        for name, texts in sets.items():
            ids: list[int] = []
            for encoding in tokenizer.encode_batch(texts):
                ids += [eot, *encoding.ids]
            arrays[name] = np.array(ids, dtype=np.uint16)
        facts = {
            "held_out_bytes": sum(len(t.encode()) for t in sets["held_out"]),
            "files": {name: len(texts) for name, texts in sets.items()},
            "left_out": left_out,
        }
        partial = work / "corpus.part.npz"
        np.savez(partial, facts=np.array(json.dumps(facts)), **arrays)
        partial.replace(stream_file)
    with np.load(stream_file, allow_pickle=False) as stored:
        corpus = Corpus(
            streams={name: stored[name] for name in TRAINED_ON},
            held_out=stored["held_out"],
            **json.loads(str(stored["facts"])),
        )
    return corpus, Tokenizer.from_file(str(tokenizer_file))
