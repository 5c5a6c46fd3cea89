"""Writes the held-out prompts x identities of the evaluation as files, for other implementations to draw: `python list_prompts.py --data DIR --out DIR`.

`prompts.json` holds one entry per picture (prompt, source portrait, attribute record); `source-*.png` are the identities' portraits."""
import json
import os

from PIL import Image

from common import Portraits, options
from scoring import held_out_prompts


def main():
    args = options(prompts=240, renders=5, held=24)
    held = Portraits(os.path.join(args.data, 'heldout'), args.held, 'cpu').wait(args.held)
    entries = []
    for prompt, record, who in held_out_prompts(held.list(), args.prompts, args.renders):
        source = f'source-{who:03d}.png'
        Image.fromarray(held.images[who * args.renders].numpy()).save(os.path.join(args.out, source))
        entries.append({'prompt': prompt, 'source': source, 'identity': who, 'record': record})
    json.dump(entries, open(os.path.join(args.out, 'prompts.json'), 'w'), indent=1)


main()
