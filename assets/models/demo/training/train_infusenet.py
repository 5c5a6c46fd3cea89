"""Stage 6: image projection and InfuseNet with the base frozen. The identity embedding always comes from another portrait of the same person."""
import os
import time

import torch

from common import DEVICE, Average, Log, Optimizers, autocast, budget, compiled, draw_times, eager, half, learning_rate, load, options, pack_latents, sample, set_lr, sheet, wait_for
from models import FLUX, TEXT_LENGTH, ClipText, DoubleBlock, Flux, InfuseNet, Resampler, SingleBlock, T5Encoder, Vae, rope_table
from prepare_text import Tokenizers
from train_base import Cache, PROMPTS


def black_control(vae, norm):
    """Packed latents [1,256,64] of an all-black picture (posterior mean)."""
    with torch.no_grad():
        return pack_latents(norm.normal(vae.encode(torch.full((1, 3, 256, 256), -1.0, device=DEVICE))[0]))


def samples(args, nets, norm, faces, log, name, guidance, steps=20):
    flux, t5, clip, infuse, resampler, vae = nets
    prompts = PROMPTS[:6]
    a, b = Tokenizers()(prompts)
    gen = torch.Generator(device=DEVICE).manual_seed(11)
    rope, short = rope_table(TEXT_LENGTH, 16, 16, FLUX['axes'], DEVICE), rope_table(8, 16, 16, FLUX['axes'], DEVICE)
    held = torch.load(os.path.join(args.work, 'latents-heldout.pt'))
    per = args.renders
    rows = []
    with torch.no_grad():
        with autocast(), eager():
            txt, pooled = t5(a.to(DEVICE)), clip(b.to(DEVICE))
        for i in range(8):
            with autocast():
                ids = resampler(faces[i * per:i * per + 1].float().to(DEVICE)).expand(len(prompts), -1, -1)
            noise = torch.randn(len(prompts), 256, 64, generator=gen, device=DEVICE)
            x = sample(flux, txt, pooled, noise, steps, guidance, rope, infuse, ids, black_control(vae, norm), short)
            with autocast():
                source = vae.decoder(held[i * per:i * per + 1].to(DEVICE).float()).float()
            rows.append(torch.cat([source, norm.decode(vae, x)]))
        sheet(torch.cat(rows), len(prompts) + 1, os.path.join(args.out, name), 144)
    log('wrote', name)


def main():
    args = options(seconds=270, batch=192, lr=1.5e-3, mu=1.3, renders=5, base='base.pt', guided=0.0, guidance=2.0, resume='', max_steps=10 ** 9, sample_every=10 ** 6)
    log = Log(args, 'infusenet')
    flux, infuse, resampler = Flux().to(DEVICE).requires_grad_(False), InfuseNet().to(DEVICE), Resampler().to(DEVICE)
    compiled(args, [flux, infuse], (DoubleBlock, SingleBlock))
    params = [*infuse.parameters(), *resampler.parameters()]
    opt = Optimizers([infuse, resampler], args.lr)
    rope, short = rope_table(TEXT_LENGTH, 16, 16, FLUX['axes'], DEVICE), rope_table(8, 16, 16, FLUX['axes'], DEVICE)
    b = args.batch
    one, guided = torch.ones(b, device=DEVICE), int(b * args.guided) // 32 * 32
    if args.wait:
        x, c, p = (torch.randn(b, *s, device=DEVICE) for s in ((256, 64), (TEXT_LENGTH, FLUX['joint']), (FLUX['pooled'],)))
        with autocast():
            double, single = infuse(x, x, resampler(torch.randn(b, 512, device=DEVICE)), p, one, one, short)
            flux(x, c, p, one, one, rope, double, single).float().pow(2).mean().backward()
        opt.zero_grad(set_to_none=True)
        torch.cuda.synchronize() if DEVICE == 'cuda' else None
    wait_for(args, log)
    cache = Cache(args)
    path = os.path.join(args.work, args.base)
    load(flux, path, 'flux')
    t5, clip = load(T5Encoder(), path, 't5').requires_grad_(False), load(ClipText(), path, 'clip').requires_grad_(False)
    vae = load(Vae(), os.path.join(args.work, 'vae.pt'), 'vae').requires_grad_(False)
    faces = torch.load(os.path.join(args.work, 'faces-train.pt')).to(DEVICE)
    held_faces = torch.load(os.path.join(args.work, 'faces-heldout.pt'))
    infuse.start_from(flux)
    if args.resume:
        load(infuse, args.resume, 'infuse')
        load(resampler, args.resume, 'resampler')
    control = black_control(vae, cache.norm)
    n = cache.z.shape[0]
    mean = Average([infuse, resampler], 0.998)
    start, step, total, last, mark = log.elapsed(), 0, torch.zeros(1, device=DEVICE), time.time(), args.sample_every

    def save():
        with mean.applied():
            torch.save({'infuse': half(infuse.state_dict()), 'resampler': half(resampler.state_dict()), 'steps': step}, os.path.join(args.work, 'infuse.pt'))

    seconds = budget(args)
    while log.elapsed() - start < seconds and step < args.max_steps:
        set_lr(opt, learning_rate((log.elapsed() - start) / seconds, args.lr))
        index = torch.randint(n, (b,), device=DEVICE)
        other = index // args.renders * args.renders + (index + torch.randint(1, args.renders, (b,), device=DEVICE)) % args.renders
        x0 = cache.images(index)
        ta, tb = cache.texts(index, drop=0.05)
        noise, t = torch.randn_like(x0), draw_times(b, mu=args.mu)
        xt = (1 - t)[:, None, None] * x0 + t[:, None, None] * noise
        g = one.clone()
        g[:guided] = 1 + 3 * torch.rand(guided, device=DEVICE)
        with autocast():
            with torch.no_grad():
                txt, pooled = t5(ta), clip(tb)
                target = noise - x0
                if guided:
                    s = slice(0, guided)
                    target[s] += flux(xt[s], txt[s], pooled[s], t[s], g[s], rope).float() - flux(xt[s], txt[s], pooled[s], t[s], one[s], rope).float()
            ids = resampler(faces[other].float())
            double, single = infuse(xt, control.expand(b, -1, -1), ids, pooled, t, one, short)
            v = flux(xt, txt, pooled, t, g, rope, double, single)
        loss = ((v.float() - target) ** 2).mean()
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        mean.update()
        total += loss.detach()
        step += 1
        if step % 100 == 0:
            log('step', step, 'loss', round(total.item() / 100, 4), 'steps/s', round(100 / (time.time() - last), 2))
            total.zero_()
            last = time.time()
            if log.elapsed() - start > mark:
                mark += args.sample_every
                save()
                with mean.applied():
                    samples(args, (flux, t5, clip, infuse, resampler, vae), cache.norm, held_faces, log, f'infuse-{int(log.elapsed())}.png', args.guidance)
                last = time.time()
    save()
    with mean.applied():
        samples(args, (flux, t5, clip, infuse, resampler, vae), cache.norm, held_faces, log, 'infuse-final.png', 1.0)
    log('done', step)


if __name__ == '__main__':
    main()
