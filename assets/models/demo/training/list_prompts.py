"""Writes the held-out prompts x identities of the evaluation as files, for other implementations to draw: `python list_prompts.py --data DIR --out DIR`.

`prompts.json` holds one entry per picture (prompt, source portrait, attribute record); `source-*.png` are the identities' portraits."""
import json
import os
import random

from PIL import Image

from captions import full_caption
from common import Portraits, options


def main():
    args = options(prompts=240, renders=5, held=24)
    held = Portraits(os.path.join(args.data, 'heldout'), args.held, 'cpu').wait(args.held)
    records = held.list()
    rng = random.Random(5)
    chosen = rng.sample([r for r in records if r['heldOutCombination']], args.prompts)
    entries = []
    for i, record in enumerate(chosen):
        who = i % (len(records) // args.renders)
        source = f'source-{who:03d}.png'
        Image.fromarray(held.images[who * args.renders].numpy()).save(os.path.join(args.out, source))
        entries.append({'prompt': full_caption(record, rng), 'source': source, 'identity': who, 'record': record})
    json.dump(entries, open(os.path.join(args.out, 'prompts.json'), 'w'), indent=1)


main()
