"""Write a folder's model of the Llama family as GGUF in fp32, for llama.cpp's server.

    llama_gguf.py FOLDER FILE

Runs in the peer's environment, which has ``gguf`` and numpy. Tensors are read from one safetensors
file; its bf16 numbers are widened exactly. llama.cpp rotates neighbouring pairs where transformers
rotates halves, so the rows of the projections of queries and keys change places.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np

PARTS = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
WHOLE = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
NUMBERS = {"F32": "<f4", "F16": "<f2"}


def tensors(path: Path) -> Iterator[tuple[str, Any]]:
    """The tensors of a safetensors file with their names, in fp32."""
    data = path.read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    for name, of in json.loads(data[8:begin]).items():
        if name == "__metadata__":
            continue
        first, last = (begin + offset for offset in of["data_offsets"])
        if of["dtype"] == "BF16":
            values = (np.frombuffer(data[first:last], "<u2").astype("<u4") << 16).view("<f4")
        else:
            values = np.frombuffer(data[first:last], NUMBERS[of["dtype"]])
        yield name, values.astype(np.float32).reshape(of["shape"])


def in_pairs(rows: Any, heads: int) -> Any:
    """The rows of a projection in llama.cpp's order."""
    size = rows.shape[0] // heads // 2
    return rows.reshape(heads, 2, size, -1).swapaxes(1, 2).reshape(rows.shape)


def describe(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_add_bos_token(False)


def spell(writer: gguf.GGUFWriter, tokenizer: dict[str, Any]) -> None:
    """The tokenizer: a byte-level one of GPT-2's kind, as the shipped model has."""
    vocabulary = sorted(tokenizer["model"]["vocab"].items(), key=lambda item: int(item[1]))
    special = {token["id"] for token in tokenizer["added_tokens"]}
    kinds = gguf.TokenType
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([text for text, _ in vocabulary])
    writer.add_token_types(
        [kinds.CONTROL if id_ in special else kinds.NORMAL for _, id_ in vocabulary]
    )
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])


def main(folder: Path, target: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    heads, kept = config["num_attention_heads"], config["num_key_value_heads"]
    writer = gguf.GGUFWriter(target, "llama")
    describe(writer, config)
    spell(writer, json.loads((folder / "tokenizer.json").read_text()))
    for name, values in tensors(folder / "model.safetensors"):
        if name in WHOLE:
            writer.add_tensor(WHOLE[name], values)
            continue
        layer, _, part = name.removeprefix("model.layers.").removesuffix(".weight").partition(".")
        if part.endswith(("q_proj", "k_proj")):
            values = in_pairs(values, heads if part.endswith("q_proj") else kept)
        writer.add_tensor(f"blk.{layer}.{PARTS[part]}.weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
