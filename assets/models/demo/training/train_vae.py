"""Stage 1: autoencoder. L1 + squared error + edge difference + a little KL; crops first, then whole portraits. Encodes all portraits at the end."""
import json
import os

import torch
import torch.nn.functional as F

from common import DEVICE, Average, budget, eager, finished, Log, Portraits, adamw, autocast, learning_rate, options, set_lr, sheet, half
from models import Vae

PRECISION = torch.bfloat16 if DEVICE == 'cuda' else torch.float32


def edges(x):
    return x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]


def detail_weight(x, strength):
    """1 on flat areas, up to 1 + strength on lines."""
    soft = F.avg_pool2d(x, 9, 1, 4, count_include_pad=False)
    return 1 + strength * ((x - soft).abs().amax(1, keepdim=True) / 0.3).clamp(max=1)


def edge_loss(a, b):
    return sum((p - q).abs().mean() for p, q in zip(edges(a), edges(b)))


@torch.no_grad()
def psnr(vae, data, n=256, batch=32):
    total, pictures = [], None
    for i in range(0, n, batch):
        x = data.batch(data.positions[i:i + batch])
        with autocast():
            y = vae.decoder(vae.encode(x.contiguous(memory_format=torch.channels_last))[0])
        y = y.float().clamp(-1, 1)
        total.append(10 * torch.log10(4 / ((x - y) ** 2).mean((1, 2, 3)).clamp(min=1e-9)))
        if pictures is None:
            pictures = torch.stack([x[:12], y[:12]], 1).flatten(0, 1)
    return torch.cat(total).mean().item(), pictures


def main():
    args = options(seconds=250, batch=16, crop_batch=96, crop_share=0.0, detail=4.0, lr=8e-4, kl=4e-4, first=40, chunks=1, held=1, resume='', scored=512, least=95, max_steps=10 ** 9)
    log = Log(args, 'vae')
    data = Portraits(os.path.join(args.data, 'train'), args.chunks).wait(args.first, log)
    held = Portraits(os.path.join(args.data, 'heldout'), args.held).wait(args.held, log)
    vae = Vae().to(DEVICE).to(memory_format=torch.channels_last)
    opt = adamw(vae.parameters(), args.lr, betas=(0.9, 0.99))
    if args.resume:
        vae.load_state_dict({k: x.float() for k, x in torch.load(args.resume, map_location=DEVICE)['vae'].items()})
    mean = Average([vae], 0.998)
    if args.compile and DEVICE == 'cuda':
        vae.encoder.forward, vae.decoder.forward = torch.compile(vae.encoder.forward, dynamic=False), torch.compile(vae.decoder.forward, dynamic=False)
    compile_only = bool(args.compile and DEVICE == 'cuda')
    start, step, sums = log.elapsed(), 0, torch.zeros(4, device=DEVICE)
    seconds = budget(args)
    while log.elapsed() - start < seconds and step < args.max_steps:
        progress = (log.elapsed() - start) / seconds
        if args.max_steps < 10 ** 9:
            progress = step / args.max_steps
        set_lr(opt, learning_rate(progress, args.lr))
        crops = progress < args.crop_share
        x = data.batch(data.sample(args.crop_batch if crops else args.batch))
        if crops:
            i, j = (torch.randint(0, 17, (2,)) * 8).tolist()
            x = x[..., i:i + 128, j:j + 128]
        x = x.contiguous(memory_format=torch.channels_last)
        with autocast():
            m, logvar = vae.encode(x)
            z = m + torch.exp(0.5 * logvar) * torch.randn_like(m)
            y = vae.decoder(z)
        y = y.float()
        l1, l2, edge = (x - y).abs().mean(), ((x - y) ** 2).mean(), edge_loss(x, y)
        kl = 0.5 * (m ** 2 + logvar.exp() - 1 - logvar).mean()
        loss = (detail_weight(x, args.detail) * (x - y).abs()).mean() + 2 * l2 + 0.5 * edge + args.kl * kl
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        opt.step()
        mean.update()
        sums += torch.stack([l1, l2, edge, kl]).detach()
        step += 1
        if step == 2 and compile_only:
            torch.cuda.synchronize()
            log('compiled')
            start, seconds = log.elapsed(), max(budget(args), args.least)
        if step % 250 == 0:
            with mean.applied(), eager():
                p, _ = psnr(vae, held, 64)
            log('step', step, 'crops' if crops else 'whole', 'l1 l2 edge kl', [round(v, 5) for v in (sums / 250).tolist()], 'held-out PSNR', round(p, 2), 'portraits', data.refresh(200))
            sums.zero_()
    with mean.applied(), eager(), torch.no_grad():
        kept = half(vae.state_dict())
    vae.load_state_dict({k: x.float() for k, x in kept.items()})
    log('trained', step, 'steps')
    data.wait(args.chunks, log)
    encoder = Vae().to(DEVICE).to(PRECISION).encoder
    encoder.load_state_dict({k[8:]: x for k, x in kept.items() if k.startswith('encoder.')})
    with torch.no_grad():
        for name, d in (('heldout', held), ('train', data)):
            parts = []
            for i in range(0, len(d.records), 256):
                parts.append(encoder(d.batch(torch.arange(i, min(i + 256, len(d.records)), device=DEVICE)).to(PRECISION))[:, :16].to(torch.bfloat16))
            latents = torch.cat(parts)
            torch.save(latents.cpu(), os.path.join(args.work, f'latents-{name}.pt'))
        some = latents[:20000].float()
        shift, scaling = float(f'{some.mean().item():.4f}'), float(f'{1 / some.std().item():.4f}')
        torch.save({'vae': kept, 'shift': shift, 'scaling': scaling, 'steps': step}, os.path.join(args.work, 'vae.pt'))
        finished(args, 'vae.done')
        log('shift', shift, 'scaling', scaling, 'std by channel', [round(x, 2) for x in some.std((0, 2, 3)).tolist()])
        with eager():
            p, pictures = psnr(vae, held, min(args.scored, len(held.positions)))
        log('final', step, 'steps; held-out PSNR', round(p, 3))
        json.dump({'psnr': p, 'steps': step}, open(os.path.join(args.work, 'vae.json'), 'w'))
        sheet(pictures, 12, os.path.join(args.out, 'vae.png'), 160)


main()
