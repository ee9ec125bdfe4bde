"""Pages for people hang together: all are listed, no link is dead, `make` knows what they name."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.tidy.sources import ROOT, tracked

PAGES = [path for path in tracked("*.md") if path.parts[0] in ("docs", "README.md", "tests")]
PAGES += [Path("CONTRIBUTING.md")]
INDEX = Path("docs/README.md")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)")
ENTRY = re.compile(r"^- \[[^\]]+\]\(([^)]+)\): [A-Za-z].*\.$")
TARGET = re.compile(r"`make ([a-z][a-z-]*)|^make ([a-z][a-z-]*)", re.MULTILINE)


def text(page: Path) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def test_the_index_has_one_line_for_every_page() -> None:
    lines = [line for line in text(INDEX).splitlines() if line.startswith("-")]
    listed = [found[1] for line in lines if (found := ENTRY.fullmatch(line))]
    assert len(listed) == len(lines), "a line is a link, a colon, and one sentence"
    pages = [str(page.relative_to("docs")) for page in PAGES if page.parts[0] == "docs"]
    assert sorted(listed) == sorted(set(pages) - {"README.md"})


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_no_link_is_dead(page: Path) -> None:
    folder = (ROOT / page).parent
    dead = [link for link in LINK.findall(text(page)) if not (folder / link).exists()]
    assert not dead


def test_what_pages_tell_to_make_can_be_made() -> None:
    made = set(re.findall(r"^([a-z-]+):", text(Path("Makefile")), re.MULTILINE))
    wrong = {
        f"{page}: make {name}"
        for page in PAGES
        for pair in TARGET.findall(text(page))
        if (name := pair[0] or pair[1]) not in made
    }
    assert not wrong


def test_a_version_stands_in_one_place_and_the_release_page_names_what_there_is() -> None:
    page = text(Path("docs/releasing.md"))
    version = tomllib.loads(text(Path("pyproject.toml")))["project"]["version"]
    assert version not in page
    for name in re.findall(r"`((?:\.ci|scripts|subnet|runtime|tests)/[\w./-]+)", page):
        assert (ROOT / name).exists(), name
    run = text(Path(".ci/run"))
    for step in ("make test", "make check", "scripts/check_runtime", "make test-long"):
        assert step in run
        assert f"`{step}`" in page
    assert "PATH_PREFIX" in text(Path("subnet/wire/synapse.py"))
    assert "spec_version" in text(Path("runtime/src/lib.rs"))
