"""Scores pictures drawn by draw.mjs: `python score.py --data DIR --work DIR --out FOLDER`. Prints attribute obedience (judge) and identity (face network)."""
import json
import os

import numpy as np
import torch
from PIL import Image

from common import ATTRIBUTES, DEVICE, Portraits, face_crop, load, options
from models import FaceNet, Judge
from scoring import scores


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
    people = sorted({e['identity'] for e in entries})
    renders = torch.cat([face(face_crop(held.batch(torch.arange(w * args.renders, (w + 1) * args.renders, device=DEVICE)))) for w in people])
    who = torch.tensor([people.index(e['identity']) for e in entries])
    result = scores(face, judge, pictures, who, renders, [e['record'] for e in entries], args.renders, 40)
    print(json.dumps({'pictures': len(entries), 'people': len(people), **result}, indent=1))


main()
