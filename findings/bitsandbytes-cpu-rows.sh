#!/bin/sh
# bitsandbytes 0.50.2 on the CPU: dequantize_4bit gives wrong values where a row is no whole number of blocks.
#
# A matrix is quantized flattened: blocks of 64 go on over the ends of rows, and quantize_4bit and the packed bytes do so.
# The CPU kernel that decodes them does not: with 96 or 160 columns the values are off by more than the largest step of the
# codebook, with 64 or 128 they are exact. Reading the same bytes by their own description (codebook · absmax[index / 64])
# gives values as near to the weights as for other shapes.
# Met: fixtures for NF4 files whose layers have odd widths. Our decoder follows the description.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-cache-dir bitsandbytes==0.50.2 torch==2.15.0 numpy
cat > "$folder/check.py" <<'PY'
import bitsandbytes.functional as bnb
import torch

torch.manual_seed(0)
for columns in (64, 96, 128, 160):
    weight = torch.randn(8, columns)
    packed, state = bnb.quantize_4bit(weight, blocksize=64, quant_type="nf4")
    codes = torch.stack([packed.flatten() >> 4, packed.flatten() & 15], 1).flatten().long()[: weight.numel()]
    scales = state.absmax.repeat_interleave(64)[: weight.numel()]
    described = (state.code[codes] * scales).reshape(weight.shape)
    decoded = bnb.dequantize_4bit(packed, state)
    wrong = (decoded - described).abs().max().item()
    print(columns, "equal" if wrong == 0 else "off by more than 1" if wrong > 1 else "off")
PY
found=$("$folder/venv/bin/python" "$folder/check.py" 2>/dev/null)
expected='64 equal
96 off by more than 1
128 equal
160 off by more than 1'
printf '%s\n' "$found"
[ "$found" = "$expected" ]
