"""Prepares a continued run from an exported pack: stage checkpoints, latents and face embeddings of freshly rendered portraits.

Then each later stage can go on: `train_base.py --resume WORK/base.pt`, `distil_guidance.py`, `train_infusenet.py --resume WORK/infuse.pt`.
"""
import json
import os

import torch

from common import DEVICE, Log, Portraits, face_crop, finished, half, options
from reference import read_pack


@torch.no_grad()
def main():
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
    args = options(pack=here, chunks=1, held=1, batch=256, only='')
    log = Log(args, 'encode')
    n, norm = read_pack(args.pack)
    put = lambda name, value: torch.save(value, os.path.join(args.work, name))
    put('vae.pt', {'vae': half(n['vae'].state_dict()), 'shift': norm.shift, 'scaling': norm.scaling, 'steps': 0})
    put('face.pt', {'face': half(n['face'].state_dict()), 'figures': {}})
    text = {'flux': half(n['flux'].state_dict()), 't5': half(n['t5'].state_dict()), 'clip': half(n['clip'].state_dict()), 'steps': 0}
    put('base.pt', text)
    put('student.pt', text)
    put('infuse.pt', {'infuse': half(n['infuse'].state_dict()), 'resampler': half(n['resampler'].state_dict()), 'steps': 0})
    dtype = torch.bfloat16 if DEVICE == 'cuda' else torch.float32
    encoder, face = n['vae'].encoder.to(DEVICE, dtype), n['face'].to(DEVICE)
    for name, chunks in (('heldout', args.held), ('train', args.chunks)):
        if args.only not in ('', name):
            continue
        data = Portraits(os.path.join(args.data, name), chunks).wait(chunks, log)
        latents, faces = [], []
        for i in range(0, len(data.records), args.batch):
            x = data.batch(torch.arange(i, min(i + args.batch, len(data.records)), device=DEVICE))
            latents.append(encoder(x.to(dtype))[:, :16].to(torch.bfloat16).cpu())
            faces.append(face(face_crop(x)).half().cpu())
        put(f'latents-{name}.pt', torch.cat(latents))
        put(f'faces-{name}.pt', torch.cat(faces))
        log('encoded', name, len(data.records))
    if not os.path.exists(os.path.join(args.work, 'vae.json')):
        json.dump({}, open(os.path.join(args.work, 'vae.json'), 'w'))
    finished(args, 'vae.done')


main()
