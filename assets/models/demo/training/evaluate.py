"""Scores the trained pack on held-out identities x held-out prompts: identity cosine with InfuseNet on and off, attribute obedience, PSNR,
the same for every weight format, and contact sheets. Attribute scores come from the judge, identity scores from the pack's own face network."""
import json
import os

import torch

from common import ATTRIBUTES, DEVICE, Log, autocast, load, options, records_of, sample, sheet
from models import FLUX, TEXT_LENGTH, ClipText, FaceNet, Flux, InfuseNet, Judge, Resampler, T5Encoder, Vae, rope_table
from prepare_text import Tokenizers
from quantize import FORMATS, dequantized
from scoring import held_out_prompts, scores
from train_base import PROMPTS, Cache
from train_infusenet import black_control


class Studio:
    """All networks of the pack in one place; `draw` makes portraits, `put` swaps one network's weights."""

    def __init__(self, args):
        self.args = args
        at = lambda name: os.path.join(args.work, name)
        self.cache = Cache(args, 'heldout')
        self.states = {'flux': (at('student.pt'), 'flux'), 'infusenet': (at('infuse.pt'), 'infuse'), 't5': (at('student.pt'), 't5')}
        self.states = {k: torch.load(p, map_location=DEVICE)[key] for k, (p, key) in self.states.items()}
        self.nets = {'flux': Flux().to(DEVICE), 'infusenet': InfuseNet().to(DEVICE), 't5': T5Encoder().to(DEVICE)}
        for name in self.nets:
            self.put(name)
        self.clip, self.resampler = load(ClipText(), at('student.pt'), 'clip'), load(Resampler(), at('infuse.pt'), 'resampler')
        self.vae, self.face = load(Vae(), at('vae.pt'), 'vae'), load(FaceNet(), at('face.pt'), 'face')
        self.judge = load(Judge({k: len(v) for k, v in ATTRIBUTES.items()}), at('judge.pt'), 'judge')
        for n in (*self.nets.values(), self.clip, self.resampler, self.vae, self.face, self.judge):
            n.eval().requires_grad_(False)
        self.tokens = Tokenizers()
        self.control = black_control(self.vae, self.cache.norm)
        self.rope = rope_table(TEXT_LENGTH, 16, 16, FLUX['axes'], DEVICE), rope_table(8, 16, 16, FLUX['axes'], DEVICE)

    def put(self, name, form=None):
        state = self.states[name]
        self.nets[name].load_state_dict({k: v.float() for k, v in (dequantized(state, form) if form else state).items()})

    @torch.no_grad()
    def draw(self, prompts, embeddings, noise, guidance, steps, infuse=True):
        """Portraits [N,3,256,256] in [-1,1], rounded to 8 bits."""
        out = []
        for i in range(0, len(prompts), self.args.batch):
            j = slice(i, min(i + self.args.batch, len(prompts)))
            a, b = self.tokens(prompts[j])
            with autocast():
                txt, pooled = self.nets['t5'](a.to(DEVICE)), self.clip(b.to(DEVICE))
                ids = self.resampler(embeddings[j].float().to(DEVICE))
            x = sample(self.nets['flux'], txt, pooled, noise[j], steps, guidance, self.rope[0], self.nets['infusenet'] if infuse else None, ids, self.control, self.rope[1])
            out.append(((self.cache.norm.decode(self.vae, x) / 2 + 0.5) * 255).round() / 127.5 - 1)
        return torch.cat(out)

    @torch.no_grad()
    def original(self, index):
        with autocast():
            return self.vae.decoder(self.cache.z[index].float()).float().clamp(-1, 1)


def likeness(pictures, reference):
    """Mean PSNR in dB of pictures against the 16-bit ones."""
    return round((10 * torch.log10(4 / ((pictures - reference) ** 2).mean((1, 2, 3)).clamp(min=1e-9))).mean().item(), 2)


def main():
    args = options(prompts=240, guidance=3.0, steps=20, renders=5, sweep='', formats=1, batch=240)
    log = Log(args, 'evaluate')
    studio = Studio(args)
    records = records_of(os.path.join(args.data, 'heldout'))
    faces = torch.load(os.path.join(args.work, 'faces-heldout.pt'))
    figures = lambda name: torch.load(os.path.join(args.work, name), map_location='cpu')['figures']
    prompts, chosen, who = map(list, zip(*held_out_prompts(records, args.prompts, args.renders)))
    n, who = len(prompts), torch.tensor(who)
    embeddings = faces[who * args.renders]
    noise = torch.randn(n, 256, 64, generator=torch.Generator(device=DEVICE).manual_seed(1000), device=DEVICE)
    report = {'prompts': n, 'identities': len(set(who.tolist())), 'guidance': args.guidance, 'steps': args.steps, 'vae': json.load(open(os.path.join(args.work, 'vae.json'))),
              'judge_on_renders': figures('judge.pt'), 'face': figures('face.pt'), 'runs': {}}

    def run(name, guidance, steps, infuse=True, reference=None):
        pictures = studio.draw(prompts, embeddings, noise, guidance, steps, infuse)
        result = scores(studio.face, studio.judge, pictures, who, faces, chosen, args.renders)
        if reference is not None:
            result['psnr_to_16_bit'] = likeness(pictures, reference)
        report['runs'][name] = result
        json.dump(report, open(os.path.join(args.out, 'evaluate.json'), 'w'), indent=1)
        log(name, json.dumps(result))
        return pictures

    on, off = run('on', args.guidance, args.steps), run('off', args.guidance, args.steps, False)
    report['difference'] = round(report['runs']['on']['cosine_to_source'] - report['runs']['off']['cosine_to_source'], 4)
    source = studio.original(who[:32] * args.renders)
    sheet(torch.stack([source, on[:32], off[:32]], 1).flatten(0, 1), 12, os.path.join(args.out, 'evaluate.png'), 144)
    json.dump(prompts[:32], open(os.path.join(args.out, 'evaluate-prompts.json'), 'w'), indent=1)
    people, some = torch.arange(7) * 3 * args.renders, PROMPTS[:6]
    seeds = torch.randn(6, 256, 64, generator=torch.Generator(device=DEVICE).manual_seed(11), device=DEVICE).repeat(7, 1, 1)
    grid = studio.draw(some * 7, faces[people].repeat_interleave(6, 0), seeds, args.guidance, args.steps).view(7, 6, 3, 256, 256)
    sheet(torch.cat([studio.original(people)[:, None], grid], 1).flatten(0, 1), 7, os.path.join(args.out, 'identities.png'), 160)
    for word in filter(None, args.sweep.split(',')):
        run(f'on, guidance {word}', float(word), args.steps)
    if args.formats:
        rows = [on[:8]]
        for component in ('infusenet', 'flux', 't5'):
            for form in FORMATS:
                studio.put(component, form)
                pictures = run(f'{component} {form}', args.guidance, args.steps, reference=on)
                if component != 't5':
                    rows.append(pictures[:8])
            studio.put(component)
        for form in FORMATS:
            for component in studio.nets:
                studio.put(component, form)
            run(f'all {form}', args.guidance, args.steps, reference=on)
        sheet(torch.cat(rows), 8, os.path.join(args.out, 'formats.png'), 160)
    log('done')


main()
