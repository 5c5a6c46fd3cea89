"""Scores pictures drawn by draw.mjs: `python score.py --data DIR --work DIR --out FOLDER`. Prints attribute obedience (judge) and identity (face network)."""
import json
import os

import numpy as np
import torch
from PIL import Image

from common import ATTRIBUTES, DEVICE, Portraits, face_crop, load, options
from models import FaceNet, Judge
from train_judge import judged


@torch.no_grad()
def main():
    args = options(renders=5, held=24, face='face.pt', judge='judge.pt')
    at = lambda name: os.path.join(args.work, name)
    face = load(FaceNet(), at(args.face), 'face').eval()
    judge = load(Judge({k: len(v) for k, v in ATTRIBUTES.items()}), at(args.judge), 'judge').eval()
    held = Portraits(os.path.join(args.data, 'heldout'), args.held).wait(args.held)
    entries = json.load(open(os.path.join(args.out, 'prompts.json')))
    paths = [os.path.join(args.out, f'drawn-{i:03d}.png') for i in range(len(entries))]
    entries = [e for e, p in zip(entries, paths) if os.path.exists(p)]
    pictures = torch.stack([torch.from_numpy(np.array(Image.open(p).convert('RGB'))) for p in paths if os.path.exists(p)]).permute(0, 3, 1, 2).float().to(DEVICE) / 127.5 - 1
    embed = lambda x: torch.cat([face(face_crop(p)) for p in x.split(40)])
    generated = embed(pictures)
    people = sorted({e['identity'] for e in entries})
    renders = torch.stack([embed(held.batch(torch.arange(w * args.renders, (w + 1) * args.renders, device=DEVICE))) for w in people])
    who = torch.tensor([people.index(e['identity']) for e in entries], device=DEVICE)
    cos = torch.einsum('nd,prd->npr', generated, renders)
    rows = torch.arange(len(who), device=DEVICE)
    own, strangers = cos[rows, who], cos[rows, (who + 1 + torch.randint(len(people) - 1, who.shape, generator=torch.Generator().manual_seed(3)).to(DEVICE)) % len(people)]
    told = judged(judge, pictures, 40)
    attributes = {}
    for k, values in ATTRIBUTES.items():
        asked = [i for i, e in enumerate(entries) if not (e['record']['crop'] == 'close' and k == 'shirt') and not (e['record']['glasses'] == 'none' and k == 'glassesColour')]
        attributes[k] = round(sum(values[told[k][i]] == entries[i]['record'][k] for i in asked) / len(asked), 4)
    mean = lambda v: round(v.float().mean().item(), 4)
    print(json.dumps({'pictures': len(entries), 'cosine_to_source': mean(own[:, 0]), 'cosine_to_other_renders': mean(own[:, 1:]), 'cosine_to_random': mean(strangers[:, 0]),
                      'nearer_to_own_than_random': mean(own[:, 1:].mean(1) > strangers[:, 0]), 'attributes': attributes}, indent=1))


main()
