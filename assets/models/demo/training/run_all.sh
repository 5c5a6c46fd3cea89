#!/bin/bash
# Every stage on one machine within one deadline: later stages import and compile while earlier ones train.
# NODE: node binary, with render.mjs' three packages beside it. START: folder with vae.pt and face.pt to go on from (empty: from nothing).
# WORK: checkpoints. DATA: portraits, 8 GB, best on a disk in memory. Times: seconds after the start at which each stage stops.
set -u
cd "$(dirname "$0")"
T0=$(date +%s)
WORK=${WORK:-work} NODE=${NODE:-node} START=${START:-}
DATA=${DATA:-$WORK/portraits} CHUNKS=${CHUNKS:-267} HELD=${HELD:-24} RENDERS=5 WORKERS=${WORKERS:-14}
mkdir -p "$WORK/out" "$DATA"
common="--data $DATA --work $WORK --out $WORK/out"
sizes="--chunks $CHUNKS --held $HELD"
until_() { echo "--until $((T0 + $1))"; }
say() { echo "$(( $(date +%s) - T0 ))s $*"; }
from() { [ -n "$START" ] && echo "--resume $START/$1"; }
nice "$NODE" render.mjs "$DATA/heldout" heldout "$HELD" 20 $RENDERS "$WORKERS"
say held-out portraits rendered
nice "$NODE" render.mjs "$DATA/train" train "$CHUNKS" 30 $RENDERS "$WORKERS" &
python3 train_vae.py $common $sizes $(from vae.pt) --first 10 $(until_ "${VAE:-210}") >"$WORK/vae.out" 2>&1 &
while [ "$(ls "$DATA"/train/*.json 2>/dev/null | wc -l)" -lt "$CHUNKS" ]; do sleep 0.5; done
say portraits rendered
(
  python3 prepare_text.py "$DATA" "$WORK" 4 >"$WORK/captions.out" 2>&1
  python3 train_text.py $common --seconds 25 >"$WORK/text.out" 2>&1
  python3 train_base.py $common --text text.pt --wait vae.done --sample_every "${SAMPLE:-140}" $(until_ "${BASE:-660}") >"$WORK/base.out" 2>&1
) &
base=$!
python3 train_face.py $common $sizes $(from face.pt) --lr 0.0015 --seconds "${FACE:-50}" >"$WORK/face.out" 2>&1
say face done
while [ ! -f "$WORK/vae.done" ]; do sleep 0.2; done
say vae done
python3 distil_guidance.py $common --wait base.done $(until_ "${DISTIL:-745}") >"$WORK/distil.out" 2>&1 &
distil=$!
python3 train_infusenet.py $common --wait base.done $(until_ "${INFUSE:-1040}") >"$WORK/infuse.out" 2>&1 &
infuse=$!
wait $base
say base done
python3 train_judge.py $common $sizes --seconds "${JUDGE:-40}" >"$WORK/judge.out" 2>&1
wait $distil
say distil done
wait $infuse
say infusenet done
python3 evaluate.py $common --sweep 2,4 >"$WORK/evaluate.out" 2>&1
say all done
touch "$WORK/all.done"
