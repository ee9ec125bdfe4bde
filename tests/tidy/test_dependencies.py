"""What is imported is declared: a dependency of a dependency may leave without notice.

Reads the imports of every packaged file, and the distributions that ``pyproject.toml`` names. What
belongs to an extra counts as well: ``layers.toml`` confines it to the rooms that need the extra.
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata

from tests.tidy.sources import PACKAGES, ROOT, package_sources


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["inference"], *extras["bucket"]]
    return {canonical(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]) for line in lines}


def test_every_import_is_declared() -> None:
    owners = metadata.packages_distributions()
    known = declared()
    missing = {
        f"{top} ({', '.join(owners.get(top, ['not installed']))}): {source.path}:{line}"
        for source in package_sources()
        for target, line in source.imports()
        if (top := target.split(".")[0]) not in PACKAGES
        and top not in sys.stdlib_module_names
        and known.isdisjoint(map(canonical, owners.get(top, [])))
    }
    assert not missing, "pyproject.toml does not name\n" + "\n".join(sorted(missing))
