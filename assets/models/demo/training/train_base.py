"""Stage 4: the base transformer with both text encoders, by rectified flow on cached latents (10 % empty captions, guidance fixed at 1)."""
import os
import time

import torch
from contextlib import ExitStack

from common import DEVICE, Average, Latents, Log, Optimizers, autocast, budget, compiled, draw_times, eager, finished, half, learning_rate, load, options, pack_latents, sample, set_lr, sheet, wait_for
from models import FLUX, TEXT_LENGTH, ClipText, DoubleBlock, Flux, SingleBlock, T5Encoder, Vae, rope_table
from prepare_text import Tokenizers

PROMPTS = ['A portrait of a person laughing, wearing a red sweater, facing left, on a yellow background.',
           'a man looking sad, with round blue glasses, in a white collared shirt, against a navy background, facing right',
           'A close-up of a woman, surprised, with a gold hoop earring, wearing a black t-shirt on a pink background',
           'someone smiling with closed eyes, dressed in a green polo, orange background, seen from further away',
           'a character blowing a kiss, square red glasses, purple jumper, white background, looking left',
           'A nervous person in a blue collared shirt, white background', 'a portrait', 'Portrait, 4K, high quality, cinematic']


class Cache:
    """Cached latents (packed, normalised on use), captions and face embeddings on the device."""

    def __init__(self, args, split='train'):
        vae = torch.load(os.path.join(args.work, 'vae.pt'), map_location='cpu')
        self.norm = Latents(vae['scaling'], vae['shift'])
        self.z = torch.load(os.path.join(args.work, f'latents-{split}.pt')).to(DEVICE)
        if split == 'train':
            texts = torch.load(os.path.join(args.work, 'captions.pt'))
            self.t5, self.clip = texts['t5'].to(DEVICE), texts['clip'].to(DEVICE)
            e5, ec = Tokenizers()([''])
            self.empty = e5.to(DEVICE), ec.to(DEVICE)

    def images(self, index):
        return pack_latents(self.norm.normal(self.z[index].float()))

    def texts(self, index, drop=0.1):
        k = torch.randint(self.t5.shape[1], (len(index),), device=DEVICE)
        t5, clip = self.t5[index, k].long(), self.clip[index, k].long()
        gone = torch.rand(len(index), device=DEVICE) < drop
        return torch.where(gone[:, None], self.empty[0], t5), torch.where(gone[:, None], self.empty[1], clip)


def save_samples(args, modules, norm, log, name, guidance=1.0, steps=20, seeds=2):
    flux, t5, clip = modules
    vae = load(Vae(), os.path.join(args.work, 'vae.pt'), 'vae')
    prompts = [p for p in PROMPTS for _ in range(seeds)]
    a, b = Tokenizers()(prompts)
    rope = rope_table(TEXT_LENGTH, 16, 16, FLUX['axes'], DEVICE)
    gen = torch.Generator(device=DEVICE).manual_seed(7)
    with torch.no_grad():
        with autocast(), eager():
            txt, pooled = t5(a.to(DEVICE)), clip(b.to(DEVICE))
        noise = torch.randn(len(prompts), 256, 64, generator=gen, device=DEVICE)
        x = sample(flux, txt, pooled, noise, steps, guidance, rope)
        sheet(norm.decode(vae, x), 8, os.path.join(args.out, name), 160)
    log('wrote', name)


def main():
    args = options(seconds=540, batch=192, lr=1.5e-3, resume='', text='', max_steps=10 ** 9, sample_every=10 ** 6, decay=0.998)
    log = Log(args, 'base')
    flux, t5, clip = Flux().to(DEVICE), T5Encoder().to(DEVICE), ClipText().to(DEVICE)
    if args.resume:
        for m, k in ((flux, 'flux'), (t5, 't5'), (clip, 'clip')):
            load(m, args.resume, k)
    compiled(args, [flux], (DoubleBlock, SingleBlock))
    if args.compile and DEVICE == 'cuda':
        t5.forward, clip.forward = torch.compile(t5.forward, dynamic=False), torch.compile(clip.forward, dynamic=False)
    params = [p for m in (flux, t5, clip) for p in m.parameters()]
    opt = Optimizers([flux, t5, clip], args.lr)
    mean = Average([flux, t5, clip], args.decay)
    rope = rope_table(TEXT_LENGTH, 16, 16, FLUX['axes'], DEVICE)
    t5.buckets = t5.position_bias(TEXT_LENGTH, DEVICE)
    one = torch.ones(args.batch, device=DEVICE)
    if args.wait:
        with autocast():
            y = flux(torch.randn(args.batch, 256, 64, device=DEVICE), t5(torch.zeros(args.batch, 64, dtype=torch.long, device=DEVICE)), clip(torch.zeros(args.batch, 77, dtype=torch.long, device=DEVICE)), one, one, rope)
        y.float().pow(2).mean().backward()
        opt.zero_grad(set_to_none=True)
        torch.cuda.synchronize() if DEVICE == 'cuda' else None
    wait_for(args, log)
    if args.text:
        load(t5, os.path.join(args.work, args.text), 't5'), load(clip, os.path.join(args.work, args.text), 'clip')
    cache = Cache(args)
    n = cache.z.shape[0]
    start, step, total, last, mark = log.elapsed(), 0, torch.zeros(1, device=DEVICE), time.time(), args.sample_every
    seconds = budget(args)
    while log.elapsed() - start < seconds and step < args.max_steps:
        progress = (log.elapsed() - start) / seconds
        set_lr(opt, learning_rate(progress, args.lr))
        index = torch.randint(n, (args.batch,), device=DEVICE)
        x0 = cache.images(index)
        a, b = cache.texts(index)
        noise = torch.randn_like(x0)
        t = draw_times(args.batch)
        xt = (1 - t)[:, None, None] * x0 + t[:, None, None] * noise
        with autocast():
            v = flux(xt, t5(a), clip(b), t, one, rope)
        loss = ((v.float() - (noise - x0)) ** 2).mean()
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        mean.update()
        total += loss.detach()
        step += 1
        if step % 200 == 0:
            log('step', step, 'loss', round(total.item() / 200, 4), 'steps/s', round(200 / (time.time() - last), 2))
            total.zero_()
            last = time.time()
            if log.elapsed() - start > mark:
                mark += args.sample_every
                with mean.applied():
                    save(args, flux, t5, clip, step)
                    save_samples(args, (flux, t5, clip), cache.norm, log, f'base-{int(log.elapsed())}.png')
                last = time.time()
    with mean.applied():
        save(args, flux, t5, clip, step)
        finished(args, 'base.done')
        save_samples(args, (flux, t5, clip), cache.norm, log, 'base-final.png')
    log('done', step)


def save(args, flux, t5, clip, step):
    torch.save({'flux': half(flux.state_dict()), 't5': half(t5.state_dict()), 'clip': half(clip.state_dict()), 'steps': step}, os.path.join(args.work, 'base.pt'))


if __name__ == '__main__':
    main()
