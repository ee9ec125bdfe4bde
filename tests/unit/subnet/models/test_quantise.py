"""A quantised folder is a whole model: read here and by its format's own library alike."""

from __future__ import annotations

import functools
import json
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.errors import UserError
from assay.models.layout import CONFIG, WHOLE
from assay.models.quantised import FIELD, Scheme
from assay.models.root import model_root
from assay.models.source import DEMO, resolve
from tests.unit.subnet.models.folders import SHARDS, edit, sharded, tensors_of, write_tensors

pytestmark = pytest.mark.inference
pytest.importorskip("torch")

import torch  # noqa: E402  after the check for torch

from assay.models.examination import look  # noqa: E402
from assay.models.language import LanguageModel  # noqa: E402
from assay.models.measure import bits_per_byte  # noqa: E402
from assay.models.packed import PackedLinear  # noqa: E402
from assay.models.quantise import Written, quantise  # noqa: E402
from assay.models.trial import try_model  # noqa: E402

LAYERS = 7 * 6
"""Of the demo model: four of attention and three of the network behind it, in six blocks."""
UP = "model.layers.0.mlp.up_proj"


def untold(done: int, total: int) -> None:
    """Progress that nobody looks at."""


def made(folder: Path, scheme: Scheme = Scheme(8), source: Path | None = None) -> Written:  # noqa: B008  a frozen value
    return quantise(source or resolve(DEMO), folder, scheme, progress=untold)


@functools.cache
def texts() -> list[str]:
    library = Path(sysconfig.get_path("stdlib"))
    return [
        (library / name).read_text("utf-8")[:1_200] for name in ("ast.py", "queue.py", "pdb.py")
    ]


@functools.cache
def loss_before() -> float:
    return bits_per_byte(LanguageModel.load(resolve(DEMO)), texts(), progress=untold)


@pytest.mark.parametrize(
    ("scheme", "size", "cost"),
    [(Scheme(8), 0.62, 0.01), (Scheme(4, 32), 0.45, 0.08), (Scheme(4), 0.42, 0.12)],
)
def test_a_quantised_model_is_small_and_nearly_as_good(
    scheme: Scheme, size: float, cost: float, tmp_path: Path
) -> None:
    written = made(tmp_path / "m", scheme)
    assert written.layers == LAYERS
    assert written.bytes_after < size * written.bytes_before
    assert written.bytes_after == sum(path.stat().st_size for path in read_files(written.folder))
    look(written.folder)
    model = LanguageModel.load(written.folder)
    assert model.parameters == written.numbers + written.kept
    assert sum(isinstance(layer, PackedLinear) for layer in model.network.modules()) == LAYERS
    assert abs(bits_per_byte(model, texts(), progress=untold) - loss_before()) < cost
    assert model_root(written.folder) != model_root(resolve(DEMO))


def read_files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix in (".json", ".safetensors")]


def test_it_is_served_and_replayed_like_any_other(tmp_path: Path) -> None:
    model = LanguageModel.load(made(tmp_path / "m", Scheme(4, 32)).folder)
    try_model(model, tolerance=5e-4)
    rows = model.by_rows()
    assert rows is not None
    assert rows.counts == (16, 32, 64, 96)


@pytest.mark.parametrize("scheme", [Scheme(8), Scheme(4, 32)])
def test_the_formats_own_library_reads_the_same_model(scheme: Scheme, tmp_path: Path) -> None:
    pytest.importorskip("compressed_tensors")
    import transformers

    folder = made(tmp_path / "m", scheme).folder
    ours = LanguageModel.load(folder)
    theirs: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = torch.tensor([ours.tokens.encode(texts()[0])[:100]])
    with torch.inference_mode():
        one, other = (network(input_ids=ids).logits.numpy() for network in (ours.network, theirs))
    assert np.abs(one - other).max() < 1e-4


def test_a_model_in_several_files_stays_in_several(tmp_path: Path) -> None:
    whole = made(tmp_path / "whole")
    written = made(tmp_path / "m", source=sharded(tmp_path / "sharded"))
    assert {path.name for path in read_files(written.folder)} >= set(SHARDS)
    held = [tensors_of(written.folder / shard) for shard in SHARDS]
    assert {name: one for part in held for name, one in part.items()} == tensors_of(
        whole.folder / WHOLE
    )
    assert LanguageModel.load(written.folder).parameters == written.numbers + written.kept


def test_all_else_is_copied_as_it_is(tmp_path: Path) -> None:
    source, target = resolve(DEMO), made(tmp_path / "m").folder
    for path in read_files(source):
        if path.name not in (CONFIG, WHOLE):
            assert (target / path.name).read_bytes() == path.read_bytes()
    before, after = (json.loads((at / CONFIG).read_text("utf-8")) for at in (source, target))
    assert after.pop(FIELD)
    assert after == before
    kept = tensors_of(target / WHOLE)
    for name, tensor in tensors_of(source / WHOLE).items():
        assert name in kept or f"{name}_packed" in kept
        assert kept.get(name, tensor) == tensor


def test_what_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quantise(resolve(DEMO), tmp_path / "m", Scheme(8), progress=stop)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_quantised_is_told(tmp_path: Path) -> None:
    folder = made(tmp_path / "m").folder
    with pytest.raises(UserError, match="is there already"):
        made(folder)
    with pytest.raises(UserError, match="quantised already"):
        made(tmp_path / "n", source=folder)
    with pytest.raises(UserError, match="no linear layer"):
        made(tmp_path / "n", Scheme(4, 4096))
    assert {path.name for path in tmp_path.iterdir()} == {"m"}


Tensors = dict[str, tuple[str, list[int], bytes]]


def given_twice(tensors: Tensors) -> None:
    tensors[f"{UP}.weight"] = ("BF16", [704, 256], bytes(2 * 704 * 256))


def of_a_norm(tensors: Tensors) -> None:
    for suffix in ("packed", "scale", "shape"):
        tensors[f"model.norm.weight_{suffix}"] = tensors[f"{UP}.weight_{suffix}"]
    del tensors["model.norm.weight"]


def of_another_shape(tensors: Tensors) -> None:
    down = UP.replace("up", "down")
    for suffix in ("packed", "scale", "shape"):
        tensors[f"{UP}.weight_{suffix}"] = tensors[f"{down}.weight_{suffix}"]


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda tensors: tensors.pop(f"{UP}.weight_scale"), "has no weight_scale"),
        (given_twice, "twice, packed and plain"),
        (of_a_norm, "another shape"),
        (of_another_shape, "another shape"),
        (
            lambda tensors: tensors.update({f"{UP}.weight_shape": ("I64", [2], bytes(16))}),
            "do not have its shape",
        ),
    ],
)
def test_a_damaged_folder_is_refused(
    change: Callable[[Tensors], object], cause: str, tmp_path: Path
) -> None:
    folder = made(tmp_path / "m").folder
    tensors = tensors_of(folder / WHOLE)
    change(tensors)
    write_tensors(folder / WHOLE, tensors)
    with pytest.raises(UserError, match=cause):
        LanguageModel.load(folder)


def test_packed_tensors_without_a_word_of_them_are_refused(tmp_path: Path) -> None:
    folder = made(tmp_path / "m").folder
    edit(folder / CONFIG, lambda config: config.pop(FIELD))
    with pytest.raises(UserError, match="lacks tensors"):
        LanguageModel.load(folder)
