#!/bin/bash
# Every stage on one machine within one deadline: later stages import and compile while earlier ones train.
# NODE: node binary, with render.mjs' three packages beside it. OUT: folder for the results. Times: seconds after the start.
set -u
cd "$(dirname "$0")"
T0=$(date +%s)
DATA=${DATA:-/tmp/data} WORK=${WORK:-/tmp/work} NODE=${NODE:-node} OUT=${OUT:-/tmp/work/result}
CHUNKS=${CHUNKS:-334} HELD=${HELD:-20}
mkdir -p "$WORK/out" "$OUT"
common="--data $DATA --work $WORK --out $WORK/out"
sizes="--chunks $CHUNKS --held $HELD"
until_() { echo "--until $((T0 + $1))"; }
say() { echo "$(( $(date +%s) - T0 ))s $*"; }
"$NODE" render.mjs "$DATA/heldout" heldout "$HELD" 20 6
"$NODE" render.mjs "$DATA/train" train "$CHUNKS" 30 6 15 &
python3 train_vae.py $common $sizes --first 10 $(until_ "${VAE:-212}") >"$WORK/vae.out" 2>&1 &
while [ "$(ls "$DATA"/train/*.json 2>/dev/null | wc -l)" -lt "$CHUNKS" ]; do sleep 0.5; done
say rendered
(python3 prepare_text.py "$DATA" "$WORK" 3 >"$WORK/text.out" 2>&1; python3 train_base.py $common --wait vae.done $(until_ "${BASE:-425}") >"$WORK/base.out" 2>&1) &
base=$!
python3 train_face.py $common $sizes --seconds "${FACE:-80}" >"$WORK/face.out" 2>&1
say face done
python3 distil_guidance.py $common --wait base.done $(until_ "${DISTIL:-490}") >"$WORK/distil.out" 2>&1 &
distil=$!
python3 train_infusenet.py $common --wait base.done $(until_ "${INFUSE:-553}") >"$WORK/infuse.out" 2>&1 &
infuse=$!
while [ ! -f "$WORK/vae.done" ]; do sleep 0.2; done
say vae done
sleep 5
python3 train_judge.py $common $sizes --seconds "${JUDGE:-40}" >"$WORK/judge.out" 2>&1
tar c -C "$WORK" vae.pt face.pt judge.pt vae.json | xz -T8 -1 >"$OUT/first.tar.xz"
wait $base
say base done
wait $distil
say distil done
tar c -C "$WORK" student.pt | xz -T8 -1 | split -b 15000000 - "$OUT/second.tar.xz."
wait $infuse
say infusenet done
tar c -C "$WORK" infuse.pt | xz -T8 -1 | split -b 15000000 - "$OUT/third.tar.xz." &
timeout "$(( T0 + ${EVALUATE:-582} - $(date +%s) ))" python3 evaluate.py $common >"$WORK/evaluate.out" 2>&1
wait
tar c -C "$WORK" out $(cd "$WORK" && ls *.out) | xz -T8 -1 >"$OUT/figures.tar.xz"
say all done
