"""The house's own rules that a linter does not know: sizes, headers, words that must not appear."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from tests.tidy.sources import ROOT, Source, all_sources, package_sources, tracked

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
HEADER_LINES_MIN = 3
# A file or function above the limit stands here with its size, and may only shrink.
LONG_FILES: dict[str, int] = {}
LONG_FUNCTIONS: dict[str, int] = {}


@pytest.mark.parametrize("source", package_sources(), ids=lambda s: str(s.path))
def test_size(source: Source) -> None:
    lines = source.text.count("\n")
    assert lines <= LONG_FILES.get(str(source.path), FILE_LINES_MAX), f"{lines} lines"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            limit = LONG_FUNCTIONS.get(f"{source.path}:{node.name}", FUNCTION_LINES_MAX)
            assert length <= limit, f"{node.name} has {length} lines"


@pytest.mark.parametrize("source", package_sources(), ids=lambda s: str(s.path))
def test_header(source: Source) -> None:
    header = ast.get_docstring(source.tree) or ""
    if source.path.name == "__init__.py":
        assert header or not source.text.strip(), "a package says in a sentence what it is"
    else:
        assert len(header.splitlines()) >= HEADER_LINES_MIN, (
            "a module's header teaches: 3 lines or more"
        )


def test_programs_without_an_ending_are_linted_as_well() -> None:
    """ruff finds files by their ending; these must be named to it."""
    programs = {
        str(path)
        for path in tracked("scripts/*")
        if not path.suffix and b"python" in (ROOT / path).read_bytes().split(b"\n", 1)[0]
    }
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert programs == set(settings["tool"]["ruff"]["extend-include"])


def test_no_mocks_and_no_pickle() -> None:
    banned = {"unittest.mock", "mock", "pickle", "cPickle", "dill", "marshal", "shelve"}
    wrong = [
        f"{source.path}:{line}: {target}"
        for source in all_sources()
        for target, line in source.imports()
        if target in banned
    ]
    assert not wrong, "\n".join(wrong)


def test_files_name_no_machine_and_no_registry() -> None:
    words = re.compile(
        r"/work/(main|shared|scratch)|/root/|pypi\.org|files\.pythonhosted|static\.crates\.io|"
        r"deb\.debian\.org|registry\.npmjs",
        re.IGNORECASE,
    )
    exempt = {
        Path("runtime/Cargo.lock"),
        Path("runtime/oracle/Cargo.lock"),
        Path(__file__).relative_to(ROOT),
    }
    wrong = []
    for path in tracked():
        if path in exempt or path.suffix in {".wasm", ".safetensors", ".png"}:
            continue
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if words.search(line):
                wrong.append(f"{path}:{number}: {line.strip()[:80]}")
    assert not wrong, "\n".join(wrong)
