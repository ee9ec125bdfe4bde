"""The project's own Python files, as the tidy tests see them: path, module name, syntax tree.

Only files that git tracks or would track count, so that an environment inside the checkout is not
read. It knows no rule; the rules are the tests'.
"""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {
    "subnet": "assay",
    "miners": "assay.miners",
    "validators": "assay.validators",
    "scoring": "assay.scoring",
    "examples": "examples",
}
"""Which package each folder at the checkout's top is; ``src/assay`` maps them so for Python."""
PACKAGES = frozenset(package.split(".")[0] for package in FOLDERS.values())


@dataclass(frozen=True)
class Source:
    path: Path
    """Relative to the checkout."""

    @property
    def module(self) -> str:
        top, *parts = self.path.with_suffix("").parts
        return ".".join([FOLDERS.get(top, top), *parts]).removesuffix(".__init__")

    @cached_property
    def text(self) -> str:
        return (ROOT / self.path).read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=str(self.path))

    def imports(self) -> list[tuple[str, int]]:
        """Every imported module with its line, those inside functions too."""
        found: list[tuple[str, int]] = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [(in_product(alias.name), node.lineno) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.path}:{node.lineno}: relative import"
                module = in_product(node.module or "")
                # `from assay import wire` names a module, `from assay.wire import Axon` does not.
                found += [
                    (
                        f"{module}.{alias.name}" if _is_module(module, alias.name) else module,
                        node.lineno,
                    )
                    for alias in node.names
                ]
        return found


def in_product(module: str) -> str:
    """``module`` as the loader of task files reads it: ``subnet`` is ``assay`` there."""
    return f"assay{module.removeprefix('subnet')}" if module.split(".")[0] == "subnet" else module


def _is_module(package: str, name: str) -> bool:
    base = ROOT.joinpath("src", *package.split("."), name)
    return base.with_suffix(".py").is_file() or (base / "__init__.py").is_file()


@cache
def tracked(pattern: str = "*") -> tuple[Path, ...]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", pattern],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    return tuple(
        Path(name) for name in sorted(set(listed.split("\0"))) if name and (ROOT / name).is_file()
    )


@cache
def package_sources() -> tuple[Source, ...]:
    return tuple(Source(path) for path in tracked("*.py") if path.parts[0] in FOLDERS)


@cache
def all_sources() -> tuple[Source, ...]:
    return tuple(Source(path) for path in tracked("*.py"))
