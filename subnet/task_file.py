"""Import a task file: a Python file of the user's own, with the files beside it.

``execute(path)`` runs the file once and returns its module. Two things differ from a plain import:

- ``from subnet.neuron import Task`` means ``assay.neuron`` in a task file and in the files beside
  it. The product is one package, ``assay``, so that no ``subnet`` folder of a user can take its
  place; the old name goes on working where task files use it.
- The files beside a task file (its neighbours) can be imported by their plain names. They are found
  last, after the standard library and all installed packages, so that a neighbour called
  ``random.py`` shadows nothing for anybody.

This module does not know what a task is: ``loader`` looks for one in the module.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from hashlib import sha256
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

PRODUCT: Final = "assay"
OLD_NAME: Final = "subnet"
TASK_MODULE: Final = "assay_task_"
"""What the module names of task files begin with, so that none meets another module's."""
_OPEN: Final = frozenset({"neuron", "wire", "chain", "types", "errors", "clock", "files"})
"""The rooms that a task file could import as ``subnet.<room>``. Any other name after ``subnet.`` is
the user's own package and stays as it is."""


class TaskFileLoader(SourceFileLoader):
    """Compiles a task file or a neighbour, reading ``subnet.<room>`` as ``assay.<room>``."""

    def get_code(self, fullname: str) -> CodeType:
        """The code of the file as it is on disk now; no bytecode is written beside it."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)

    def source_to_code(  # type: ignore[override]  # importlib types its optimisation level as private
        self, data: bytes, path: str, *, _optimize: int = -1
    ) -> CodeType:
        tree = _Renamed(_own_rooms(Path(path).parent)).visit(ast.parse(data, filename=path))
        ast.fix_missing_locations(tree)
        code: CodeType = compile(tree, path, "exec", dont_inherit=True, optimize=_optimize)
        return code


class _Renamed(ast.NodeTransformer):
    """Imports of ``subnet.<room>``, but for the rooms that the user has a file of his own for."""

    def __init__(self, own: frozenset[str]) -> None:
        self._rooms = _OPEN - own

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        top, _, rest = (node.module or "").partition(".")
        if node.level == 0 and top == OLD_NAME and rest.partition(".")[0] in self._rooms:
            node.module = f"{PRODUCT}.{rest}"
        return node

    def visit_Import(self, node: ast.Import) -> list[ast.Import]:
        renamed = []
        for alias in node.names:
            top, _, rest = alias.name.partition(".")
            if top == OLD_NAME and rest.partition(".")[0] in self._rooms:
                alias.name = f"{PRODUCT}.{rest}"
                if alias.asname is None:  # the statement binds `subnet`, so that must be there
                    bound = ast.Import([ast.alias(PRODUCT, OLD_NAME)])
                    renamed.append(ast.copy_location(bound, node))
            renamed.append(ast.copy_location(ast.Import([alias]), node))
        return renamed


def _own_rooms(folder: Path) -> frozenset[str]:
    """Names of modules in a ``subnet`` package beside a file, unless that is the product's own."""
    package = folder / OLD_NAME
    if not package.is_dir() or (package / Path(__file__).name).exists():
        return frozenset()
    return frozenset(entry.stem for entry in package.iterdir())


class _Neighbours:
    """Finds modules in the folders of the executed task files, after all other finders."""

    def __init__(self) -> None:
        self.folders: list[str] = []

    def enter(self, folder: str) -> None:
        """Look in ``folder`` first from now on. Modules from other folders stay with those who
        imported them, but a file of the same name here is another module."""
        if folder in self.folders:
            self.folders.remove(folder)
        self.folders.insert(0, folder)
        for name, module in list(sys.modules.items()):
            loader = getattr(getattr(module, "__spec__", None), "loader", None)
            if (
                isinstance(loader, TaskFileLoader)
                and not name.startswith(TASK_MODULE)
                and not loader.path.startswith(folder)
            ):
                del sys.modules[name]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is None:
            path = self.folders
        elif not any(entry.startswith(folder) for entry in path for folder in self.folders):
            return None  # inside a package that is no neighbour
        spec = PathFinder.find_spec(fullname, list(path))
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = TaskFileLoader(fullname, spec.loader.path)
        return spec


_NEIGHBOURS: Final = _Neighbours()


def execute(path: Path) -> ModuleType:
    """The module of the Python file at ``path``, executed on the first call for that file.

    Whatever the file raises goes through, SystemExit included.
    """
    resolved = path.resolve()
    # The name carries the path, so that two files of one name do not meet in sys.modules.
    digest = sha256(str(resolved).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    name = f"{TASK_MODULE}{resolved.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    _NEIGHBOURS.enter(str(resolved.parent))
    if _NEIGHBOURS not in sys.meta_path:
        sys.meta_path.append(_NEIGHBOURS)
    spec = spec_from_file_location(name, resolved, loader=TaskFileLoader(name, str(resolved)))
    assert spec is not None and spec.loader is not None  # a loader was given
    module = module_from_spec(spec)
    sys.modules[name] = module  # before execution: dataclasses and msgspec look the module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
