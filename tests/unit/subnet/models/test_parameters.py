"""A network is made of exactly the tensors in the files, or of none."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.errors import UserError
from assay.models.layout import INDEX, WHOLE
from assay.models.root import model_root
from assay.models.source import DEMO, resolve
from assay.scoring.inference.sampling import Sampling
from tests.unit.subnet.models.folders import (
    SHARDS,
    demo_copy,
    edit,
    sharded,
    tensors_of,
    write_tensors,
)

pytestmark = pytest.mark.inference
pytest.importorskip("torch")

import torch  # noqa: E402  after the check for torch

from assay.models.language import LanguageModel  # noqa: E402

Tensors = dict[str, tuple[str, list[int], bytes]]
NORM, DOWN = "model.norm.weight", "model.layers.0.mlp.down_proj.weight"
PROMPT, KEY = [5, 6, 7, 8], b"sixteen byte key"


def generated(folder: Path) -> tuple[int, ...]:
    return LanguageModel.load(folder).generate(PROMPT, 8, Sampling(), KEY).tokens


def spoilt(path: Path, change: Callable[[Tensors], object]) -> Path:
    folder = demo_copy(path)
    tensors = tensors_of(folder / WHOLE)
    change(tensors)
    write_tensors(folder / WHOLE, tensors)
    return folder


def set_(name: str, dtype: str, shape: list[int], body: bytes) -> Callable[[Tensors], object]:
    return lambda tensors: tensors.update({name: (dtype, shape, body)})


def nan(tensors: Tensors) -> None:
    dtype, shape, body = tensors[NORM]
    tensors[NORM] = (dtype, shape, body[:-2] + b"\xc0\x7f")  # the last of them, in bf16


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda t: t.pop(DOWN), f"lacks tensors that its kind needs: {DOWN}"),
        (lambda t: t.pop("model.embed_tokens.weight"), "lacks tensors .*embed_tokens"),
        (set_("model.extra", "F32", [1], bytes(4)), "does not know: model.extra"),
        (set_(NORM, "BF16", [128], bytes(256)), r"model.norm.weight \[128\] instead of \[256\]"),
        (set_(NORM, "F64", [256], bytes(2048)), r"type .* model.norm.weight \(F64\)"),
        (set_(NORM, "I32", [256], bytes(1024)), r"type .* model.norm.weight \(I32\)"),
        (set_(NORM, "F8_E4M3", [256], bytes(256)), r"type .* model.norm.weight \(F8_E4M3\)"),
        (set_("lm_head.weight", "BF16", [4096, 256], bytes(2**21)), "two embeddings"),
        (nan, f"not finite in {NORM}"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    change: Callable[[Tensors], object], cause: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=cause):
        LanguageModel.load(spoilt(tmp_path / "m", change))


def test_what_the_kind_itself_leaves_out_may_be_there(tmp_path: Path) -> None:
    """Old checkpoints hold the rotation's frequencies, which are computed nowadays."""
    name = "model.layers.0.self_attn.rotary_emb.inv_freq"
    folder = spoilt(tmp_path / "m", set_(name, "F32", [32], bytes(128)))
    assert generated(folder) == generated(resolve(DEMO))


def test_a_sharded_model_is_the_same_model(tmp_path: Path) -> None:
    assert generated(sharded(tmp_path / "m")) == generated(resolve(DEMO))


def test_files_that_are_not_the_models_change_nothing(tmp_path: Path) -> None:
    """Two folders with one root answer alike, whatever else lies in them."""
    plain, more = sharded(tmp_path / "a"), sharded(tmp_path / "b")
    other = tensors_of(more / SHARDS[0])
    zeros = {name: (dtype, shape, bytes(len(b))) for name, (dtype, shape, b) in other.items()}
    for name in ("consolidated.safetensors", "adapter_model.safetensors"):
        write_tensors(more / name, zeros)
    (more / "modeling_llama.py").write_text("raise SystemExit('code of a stranger')")
    (more / "pytorch_model.bin").write_bytes(b"a pickle")
    (more / "additional_chat_templates").mkdir()
    assert model_root(plain) == model_root(more)
    assert generated(plain) == generated(more)


def duplicate(folder: Path) -> None:
    tensors = tensors_of(folder / SHARDS[1])
    tensors |= dict(list(tensors_of(folder / SHARDS[0]).items())[:1])
    write_tensors(folder / SHARDS[1], tensors)


def unnamed(folder: Path) -> None:
    edit(folder / INDEX, lambda index: index["weight_map"].pop(NORM))


def misplaced(folder: Path) -> None:
    def swap(index: dict[str, dict[str, str]]) -> None:
        placed = index["weight_map"]
        placed[NORM] = next(shard for shard in SHARDS if shard != placed[NORM])

    edit(folder / INDEX, swap)


def truncated(folder: Path) -> None:
    path = folder / SHARDS[0]
    path.write_bytes(path.read_bytes()[:-1])


def twice(folder: Path) -> None:
    entry = b'{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    head = b'{"a":' + entry + b',"a":' + entry + b"}"
    (folder / SHARDS[0]).write_bytes(struct.pack("<Q", len(head)) + head + bytes(4))


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (duplicate, f"is in {SHARDS[0]} and again in {SHARDS[1]}"),
        (unnamed, "in files but not in the index: model.norm.weight"),
        (misplaced, "not in the files that the index names: model.norm.weight"),
        (truncated, "cannot be loaded: .*not fully covered"),
        (twice, "one name twice"),
        (lambda f: (f / SHARDS[0]).write_bytes(b""), "cannot be loaded: .* not a safetensors file"),
        (lambda f: (f / SHARDS[0]).write_bytes(b"\x02" + bytes(7) + b"[]"), "not a safetensors"),
    ],
)
def test_files_and_index_agree(
    change: Callable[[Path], object], cause: str, tmp_path: Path
) -> None:
    folder = sharded(tmp_path / "m")
    change(folder)
    with pytest.raises(UserError, match=cause):
        LanguageModel.load(folder)


def test_the_ends_of_a_text_are_those_of_the_generations_own_file(tmp_path: Path) -> None:
    folder = demo_copy(tmp_path / "m")
    edit(folder / "generation_config.json", lambda fields: fields.update(eos_token_id=[0, 17]))
    assert LanguageModel.load(folder).ends == {0, 17}
    edit(folder / "generation_config.json", lambda fields: fields.update(eos_token_id="end"))
    with pytest.raises(UserError, match="the end of a text is named by 'end'"):
        LanguageModel.load(folder)


def test_a_tokenizers_fields_name_no_other_file(tmp_path: Path) -> None:
    """Two folders with one root cut a text alike, wherever the files lie that they once named."""
    other = demo_copy(tmp_path / "other")
    edit(other / "tokenizer.json", lambda content: content["model"].update(merges=[]))
    folder = demo_copy(tmp_path / "m")
    path = str(other / "tokenizer.json")
    fields = {"tokenizer_file": path, "vocab_file": path, "init_inputs": [path]}
    edit(folder / "tokenizer_config.json", lambda content: content.update(fields))
    text = "def main(argv):\n    return argv\n"
    from assay.models.tokens import Tokens

    assert Tokens.load(folder).encode(text) == Tokens.load(resolve(DEMO)).encode(text)


def test_every_stored_type_is_taken_as_exact_fp32(tmp_path: Path) -> None:
    def as_fp32(tensors: Tensors) -> None:
        for name, (dtype, shape, body) in tensors.items():
            assert dtype == "BF16"
            wide = b"".join(b"\0\0" + body[at : at + 2] for at in range(0, len(body), 2))
            tensors[name] = ("F32", shape, wide)

    wide = LanguageModel.load(spoilt(tmp_path / "m", as_fp32)).network.state_dict()
    for name, value in LanguageModel.load(resolve(DEMO)).network.state_dict().items():
        assert torch.equal(value, wide[name]), name
