#!/bin/bash
# Trains an exported pack further on one machine: renders again, encodes with the pack's autoencoder and face network, then goes on
# with the base, the guidance distillation, the projection and InfuseNet. Times: seconds after the start; 0 skips base or distillation.
# PACK: exported pack. NODE: node binary, with render.mjs' three packages beside it. OUT: folder for the results.
set -u
cd "$(dirname "$0")"
T0=$(date +%s)
DATA=${DATA:-/tmp/data} WORK=${WORK:-/tmp/work} NODE=${NODE:-node} OUT=${OUT:-/tmp/work/result} PACK=${PACK:-..}
CHUNKS=${CHUNKS:-334} HELD=${HELD:-20} BASE=${BASE:-330} DISTIL=${DISTIL:-395} INFUSE=${INFUSE:-550}
mkdir -p "$WORK/out" "$OUT"
common="--data $DATA --work $WORK --out $WORK/out"
sizes="--chunks $CHUNKS --held $HELD"
until_() { echo "--until $((T0 + $1))"; }
say() { echo "$(( $(date +%s) - T0 ))s $*"; }
"$NODE" render.mjs "$DATA/heldout" heldout "$HELD" 20 6
"$NODE" render.mjs "$DATA/train" train "$CHUNKS" 30 6 15 &
python3 encode.py $common $sizes --pack "$PACK" >"$WORK/encode.out" 2>&1 &
while [ "$(ls "$DATA"/train/*.json 2>/dev/null | wc -l)" -lt "$CHUNKS" ] || [ ! -f "$WORK/infuse.pt" ]; do sleep 0.5; done
say rendered
base= distil=
(
  python3 prepare_text.py "$DATA" "$WORK" 4 >"$WORK/text.out" 2>&1
  if [ "$BASE" -gt 0 ]; then
    python3 train_base.py $common --resume "$WORK/base.pt" --lr "${BASE_LR:-0.001}" --wait vae.done $(until_ "$BASE") >"$WORK/base.out" 2>&1
  else
    touch "$WORK/base.done"
  fi
) &
base=$!
if [ "$DISTIL" -gt 0 ]; then
  python3 distil_guidance.py $common --wait base.done $(until_ "$DISTIL") >"$WORK/distil.out" 2>&1 &
  distil=$!
fi
if [ "$INFUSE" -gt 0 ]; then
  python3 train_infusenet.py $common --resume "$WORK/infuse.pt" --wait base.done $(until_ "$INFUSE") >"$WORK/infuse.out" 2>&1 &
  infuse=$!
fi
while [ ! -f "$WORK/vae.done" ]; do sleep 0.2; done
say encoded
python3 train_judge.py $common $sizes --seconds "${JUDGE:-60}" >"$WORK/judge.out" 2>&1
wait $base
say base done
[ -n "$distil" ] && wait $distil
[ "$DISTIL" -gt 0 ] || cp "$WORK/base.pt" "$WORK/student.pt"
tar c -C "$WORK" student.pt vae.pt face.pt judge.pt | xz -T8 -1 | split -b 15000000 - "$OUT/second.tar.xz."
[ -n "${infuse:-}" ] && wait $infuse
say infusenet done
tar c -C "$WORK" infuse.pt | xz -T8 -1 | split -b 15000000 - "$OUT/third.tar.xz." &
timeout "$(( T0 + ${EVALUATE:-582} - $(date +%s) ))" python3 evaluate.py $common >"$WORK/evaluate.out" 2>&1
wait
tar c -C "$WORK" out $(cd "$WORK" && ls *.out) | xz -T8 -1 >"$OUT/figures.tar.xz"
say all done
