"""Scores the trained pack on held-out identities x held-out prompts: identity cosine with InfuseNet on and off, attribute obedience, PSNR."""
import json
import os
import random

import torch

from captions import full_caption
from common import ATTRIBUTES, DEVICE, Log, autocast, face_crop, load, options, sample, sheet
from models import FLUX, TEXT_LENGTH, ClipText, FaceNet, Flux, InfuseNet, Judge, Resampler, T5Encoder, Vae, rope_table
from common import records_of
from prepare_text import Tokenizers
from train_base import Cache
from train_infusenet import black_control
from train_judge import judged


def evaluate(args, nets, cache, records, faces, held, prompts, guidance, steps, scale=1.0, batch=240):
    """Returns figures and pictures for prompts x identities; attribute scores leave out what the crop or an unnamed attribute makes undefined."""
    flux, t5, clip, infuse, resampler, vae, face, judge = nets
    rope, short = rope_table(TEXT_LENGTH, 16, 16, FLUX['axes'], DEVICE), rope_table(8, 16, 16, FLUX['axes'], DEVICE)
    control = black_control(vae, cache.norm)
    n = len(prompts)
    per = args.renders
    who = torch.arange(n) % (len(faces) // per)
    a, b = Tokenizers()([p for p, _ in prompts])
    result = {}
    pictures = {}
    with torch.no_grad():
        for mode in args.modes.split(','):
            out, embedded, got = [], [], []
            for i in range(0, n, batch):
                j = slice(i, min(i + batch, n))
                gen = torch.Generator(device=DEVICE).manual_seed(1000 + i)
                noise = torch.randn(len(range(n)[j]), 256, 64, generator=gen, device=DEVICE)
                with autocast():
                    txt, pooled = t5(a[j].to(DEVICE)), clip(b[j].to(DEVICE))
                    ids = resampler(faces[who[j] * per].float().to(DEVICE))
                x = sample(flux, txt, pooled, noise, steps, guidance, rope, infuse if mode == 'on' else None, ids, control, short, scale)
                im = cache.norm.decode(vae, x)
                im = ((im / 2 + 0.5) * 255).round() / 127.5 - 1
                out.append(im)
                embedded.append(face(face_crop(im)))
                got.append(judged(judge, im))
            im, e = torch.cat(out), torch.cat(embedded)
            got = {k: torch.cat([g[k] for g in got]).cpu() for k in got[0]}
            pictures[mode] = im
            ref = faces.float().to(DEVICE)
            cos = e @ ref.T
            own = torch.stack([cos[i, int(who[i]) * per] for i in range(n)])
            same = torch.stack([cos[i, int(who[i]) * per + 1:int(who[i]) * per + per].mean() for i in range(n)])
            mask = torch.ones_like(cos)
            for i in range(n):
                mask[i, int(who[i]) * per:int(who[i]) * per + per] = 0
            other = (cos * mask).sum(1) / mask.sum(1)
            rand = torch.stack([cos[i, torch.randint(len(ref), (1,)).item() // per * per] for i in range(n)])
            closest = cos.argmax(1).cpu() // per == who
            scores = {}
            for k, values in ATTRIBUTES.items():
                ok, of = 0, 0
                for i, (_, r) in enumerate(prompts):
                    if r['crop'] == 'close' and k == 'shirt':
                        continue
                    if k == 'glassesColour' and r['glasses'] == 'none':
                        continue
                    of += 1
                    ok += int(values[got[k][i]] == r[k])
                scores[k] = round(ok / of, 4)
            result[mode] = dict(cosine_to_source=round(own.mean().item(), 4), cosine_to_other_renders=round(same.mean().item(), 4),
                                cosine_to_random=round(other.mean().item(), 4), nearer_to_own_than_random=round((same > rand).float().mean().item(), 4),
                                nearer_to_own_than_all_mean=round((same > other).float().mean().item(), 4), top1_identity=round(closest.float().mean().item(), 4), attributes=scores)
    if 'off' in result and 'on' in result:
        result['difference'] = round(result['on']['cosine_to_source'] - result['off']['cosine_to_source'], 4)
    return result, pictures, who


def main():
    args = options(prompts=240, guidance=2.0, steps=16, renders=6, sweep=1, modes='on,off', batch=240)
    log = Log(args, 'evaluate')
    cache = Cache(args, 'heldout')
    path = os.path.join(args.work, 'student.pt')
    nets = [load(Flux(), path, 'flux'), load(T5Encoder(), path, 't5'), load(ClipText(), path, 'clip')]
    nets += [load(InfuseNet(), os.path.join(args.work, 'infuse.pt'), 'infuse'), load(Resampler(), os.path.join(args.work, 'infuse.pt'), 'resampler')]
    vae_file = torch.load(os.path.join(args.work, 'vae.pt'), map_location='cpu')
    nets += [load(Vae(), os.path.join(args.work, 'vae.pt'), 'vae'), load(FaceNet(), os.path.join(args.work, 'face.pt'), 'face')]
    judge_file = torch.load(os.path.join(args.work, 'judge.pt'), map_location='cpu')
    nets.append(load(Judge({k: len(v) for k, v in ATTRIBUTES.items()}), os.path.join(args.work, 'judge.pt'), 'judge'))
    nets = [n.eval().requires_grad_(False) for n in nets]
    records = records_of(os.path.join(args.data, 'heldout'))
    faces = torch.load(os.path.join(args.work, 'faces-heldout.pt'))
    rng = random.Random(5)
    combos = [r for r in records if r['heldOutCombination']]
    chosen = rng.sample(combos, min(args.prompts, len(combos)))
    prompts = [(full_caption(r, rng), r) for r in chosen]
    report = {'prompts': len(prompts), 'identities': len(faces) // args.renders, 'vae': json.load(open(os.path.join(args.work, 'vae.json'))), 'judge_on_renders': judge_file['figures'],
              'face': torch.load(os.path.join(args.work, 'face.pt'), map_location='cpu')['figures'], 'runs': {}}
    grid = [(args.guidance, args.steps, 1.0)]
    if args.sweep:
        grid += [(3.0, args.steps, 1.0), (4.5, args.steps, 1.0), (1.0, args.steps, 1.0), (1.5, args.steps, 1.0), (args.guidance, args.steps, 1.2), (args.guidance, 24, 1.0)]
    for i, (g, s, scale) in enumerate(grid):
        figures, pictures, who = evaluate(args, nets, cache, records, faces, None, prompts, g, s, scale, args.batch)
        report['runs'][f'guidance {g} steps {s} scale {scale}'] = figures
        json.dump(report, open(os.path.join(args.out, 'evaluate.json'), 'w'), indent=1)
        log('guidance', g, 'steps', s, 'scale', scale, json.dumps(figures))
        if i == 0:
            with torch.no_grad(), autocast():
                src = nets[5].decoder(cache.z[who[:32] * args.renders].float()).float()
            sheet(torch.stack([src, *(pictures[m][:32] for m in pictures)], 1).flatten(0, 1), 4 * (1 + len(pictures)), os.path.join(args.out, 'evaluate.png'), 144)
            json.dump([p for p, _ in prompts[:32]], open(os.path.join(args.out, 'evaluate-prompts.json'), 'w'), indent=1)



main()
