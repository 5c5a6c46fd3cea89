#!/bin/sh
# transformers 5.24.0: a T5 encoder out of a GGUF file has ReLU instead of the gated GELU that it was trained with.
#
# A GGUF of T5 v1.1 (such as text encoders of FLUX) has both halves of the gated layer, ffn_gate and ffn_up, but no key for
# the activation. from_pretrained(gguf_file=...) takes dense_act_fn "relu" (the first T5's) with is_gated_act True, without a
# warning: names, shapes and values are right, the outputs are not.
# Met: sizes of T5 without a config.json. Ours is gated GELU whatever the file lacks.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-cache-dir transformers==5.24.0 torch==2.15.0 gguf==0.19.0 numpy accelerate
cat > "$folder/check.py" <<'PY'
import sys

import gguf
import numpy as np
from transformers import T5EncoderModel

folder = sys.argv[1]
writer = gguf.GGUFWriter(f"{folder}/t5.gguf", "t5encoder")
writer.add_context_length(64)
writer.add_embedding_length(64)
writer.add_feed_forward_length(128)
writer.add_block_count(1)
writer.add_head_count(4)
writer.add_key_length(16)
writer.add_value_length(16)
writer.add_layer_norm_rms_eps(1e-6)
writer.add_relative_attn_buckets_count(32)
writer.add_vocab_size(200)
random = np.random.default_rng(0)
shapes = {
    "token_embd": (200, 64),
    **{f"enc.blk.0.attn_{letter}": (64, 64) for letter in "qkvo"},
    "enc.blk.0.attn_norm": (64,),
    "enc.blk.0.attn_rel_b": (32, 4),
    "enc.blk.0.ffn_norm": (64,),
    "enc.blk.0.ffn_gate": (128, 64),
    "enc.blk.0.ffn_up": (128, 64),
    "enc.blk.0.ffn_down": (64, 128),
    "enc.output_norm": (64,),
}
for name, shape in shapes.items():
    writer.add_tensor(f"{name}.weight", random.standard_normal(shape).astype(np.float32) * 0.05)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
config = T5EncoderModel.from_pretrained(folder, gguf_file="t5.gguf").config
print(config.dense_act_fn, config.is_gated_act)
PY
found=$("$folder/venv/bin/python" "$folder/check.py" "$folder" 2>/dev/null)
printf '%s\n' "$found"
[ "$found" = 'relu True' ]
