"""From what a person types after ``--model`` to a folder that holds a model.

In comes one of three forms: ``demo`` is the model that ships with Assay; a path is a folder in the
Hugging Face layout; anything else is a Hugging Face id, taken from the local cache if it is there
and fetched otherwise. Out comes a folder that ``layout`` has looked over, so that a wrong folder,
or one of which a file did not arrive, gives one clear sentence before anything is loaded.

This module computes nothing and imports no torch.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Final

from assay import needs
from assay.errors import Unavailable, UserError
from assay.home import cache_folder, home_folder
from assay.models.calibration import FILE as CALIBRATION
from assay.models.layout import (
    COUNTED,
    PARAMETERS_SUFFIX,
    WHOLE,
    MissingFiles,
    NoParameters,
    read_layout,
)

DEMO: Final = "demo"
_DEMO_FOLDER: Final = Path(__file__).parent / "demo"
_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
_ID_CHARS_MAX: Final = 200
"""Characters of a wrong reference that a person is shown. No id is longer."""


_HUB_CACHE_VARIABLES: Final = ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")
"""Any of them tells the Hugging Face library where to keep models; else that is the home folder."""


def resolve(reference: str) -> Path:
    """Return the folder of the model that ``reference`` names; UserError if it holds no model."""
    if reference == DEMO:
        return check_folder(_DEMO_FOLDER)
    if (folder := _as_folder(reference)) is not None:
        return check_folder(folder)
    if _ID.fullmatch(reference) is None:
        raise UserError(
            f"{reference[:_ID_CHARS_MAX]!r} is neither a folder nor a model id.",
            "Give a path, an id such as owner/name, or demo for the model that ships with Assay.",
        )
    return check_folder(_from_hub(reference))


def is_demo(folder: Path) -> bool:
    """Return whether ``folder`` is that of the model that ships with Assay."""
    return folder == _DEMO_FOLDER


def check_reference(reference: str) -> str:
    """Return ``reference`` itself; UserError if it is a folder that holds no model. Fetches
    nothing."""
    if reference != DEMO and (folder := _as_folder(reference)) is not None:
        check_folder(folder)
    return reference


def _as_folder(reference: str) -> Path | None:
    path = Path(reference)
    if reference.partition("/")[0] != "~" or home_folder() is not None:
        with contextlib.suppress(RuntimeError):  # ``~`` and the name of nobody
            path = path.expanduser()
    is_path = (reference and _is_there(path)) or reference.startswith((".", "/", "~"))
    return path if is_path else None


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name longer than names may be
        return False


def check_folder(folder: Path) -> Path:
    """Return ``folder`` itself; UserError if its files are not those of a whole model.

    Only configuration and index are read.
    """
    if not (_is_there(folder) and folder.is_dir()):
        shown = str(folder)[:_ID_CHARS_MAX]
        raise UserError(f"There is no model folder {shown}.", "Check the path given as --model.")
    read_layout(folder)
    return folder


def _from_hub(name: str) -> Path:
    # Arrives with transformers, the extra that any model needs anyway.
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError:
        raise inference_extra_missing() from None
    if cache_folder() is None and not any(map(os.environ.get, _HUB_CACHE_VARIABLES)):
        raise UserError(
            f"The model {name} cannot be fetched: HOME names no folder that it could be kept in.",
            f"Set HOME or {_HUB_CACHE_VARIABLES[0]}, or give a folder with a model.",
        )
    small = [f"*{suffix}" for suffix in COUNTED if suffix != PARAMETERS_SUFFIX]
    small.append(CALIBRATION)  # no part of the model, nor of its root
    with contextlib.suppress(LocalEntryNotFoundError, MissingFiles, NoParameters):
        # A snapshot in the cache may be there in part only.
        return check_folder(
            Path(snapshot_download(name, allow_patterns=small, local_files_only=True))
        )
    try:
        folder = Path(snapshot_download(name, allow_patterns=small))
        # Not every safetensors file: some repositories hold the same tensors twice.
        shards = [WHOLE]
        try:
            read_layout(folder)
        except MissingFiles as error:
            shards = error.missing
        except NoParameters:
            pass
        snapshot_download(name, revision=folder.name, allow_patterns=shards)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise Unavailable(
            f"The model {name} is not on this machine and could not be fetched "
            f"({type(error).__name__}).",
            "Check the id and the connection, or give a folder; --model demo needs neither.",
        ) from None
    return check_folder(folder)


def inference_extra_missing() -> UserError:
    """Return the error for an installation that has no torch."""
    return UserError(
        "Models need torch and transformers, which are not installed.",
        needs.cure(("torch", "transformers", "tokenizers", "safetensors", "huggingface-hub")),
    )
