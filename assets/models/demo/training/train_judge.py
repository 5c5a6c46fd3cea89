"""Scoring classifier of text attributes, trained on renders and on their autoencoder reconstructions; not part of the pack."""
import os

import torch
import torch.nn.functional as F

from common import ATTRIBUTES, DEVICE, Log, Portraits, adamw, autocast, budget, half, learning_rate, load, options, set_lr
from models import Judge, Vae


@torch.no_grad()
def judged(judge, images, batch=128):
    """Predicted value index per attribute for [N,3,256,256] in [-1,1]."""
    out = []
    for x in images.split(batch):
        with autocast():
            out.append({k: v.argmax(1) for k, v in judge(x).items()})
    return {k: torch.cat([o[k] for o in out]) for k in out[0]}


def main():
    args = options(seconds=60, batch=192, lr=1.5e-3, chunks=1, held=1, resume='', heads=0, scored=10 ** 9, max_steps=10 ** 9)
    log = Log(args, 'judge')
    data = Portraits(os.path.join(args.data, 'train'), args.chunks).wait(args.chunks, log)
    held = Portraits(os.path.join(args.data, 'heldout'), args.held).wait(args.held, log)
    labels = {k: torch.tensor([v.index(r[k]) for r in data.list()], device=DEVICE) for k, v in ATTRIBUTES.items()}
    truth = {k: torch.tensor([v.index(r[k]) for r in held.list()], device=DEVICE) for k, v in ATTRIBUTES.items()}
    vae = load(Vae(), os.path.join(args.work, 'vae.pt'), 'vae') if not args.heads and os.path.exists(os.path.join(args.work, 'vae.pt')) else None
    judge = Judge({k: len(v) for k, v in ATTRIBUTES.items()}).to(DEVICE).to(memory_format=torch.channels_last)
    if args.resume:
        load(judge, args.resume, 'judge')
    if args.heads:
        # Only the read-outs learn: minutes on a CPU, from an earlier judge.
        judge.trunk.eval().requires_grad_(False)
    opt = adamw(judge.parameters(), args.lr, wd=0.05)
    start, step = log.elapsed(), 0
    seconds = budget(args)
    while log.elapsed() - start < seconds and step < args.max_steps:
        set_lr(opt, learning_rate((log.elapsed() - start) / seconds, args.lr))
        index = data.sample(args.batch)
        x = data.batch(index)
        if vae is not None:
            with torch.no_grad(), autocast():
                part = x[:args.batch // 4]
                y = vae.decoder(vae.encode(part)[0] * (1 + 0.02 * torch.randn(len(part), 1, 1, 1, device=DEVICE)))
            x = torch.cat([y.float().clamp(-1, 1), x[args.batch // 4:]])
        x = x + 0.03 * torch.randn_like(x) * torch.rand(len(x), 1, 1, 1, device=DEVICE)
        with autocast():
            out = judge(x.contiguous(memory_format=torch.channels_last))
            loss = sum(F.cross_entropy(out[k].float(), labels[k][index]) for k in out)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        step += 1
        if step % 200 == 0:
            log('step', step, 'loss', round(loss.item(), 4))
    judge.eval()
    n = min(len(held.records), args.scored)
    parts = [judged(judge, held.batch(torch.arange(i, min(i + 500, n), device=DEVICE))) for i in range(0, n, 500)]
    got = {k: torch.cat([p[k] for p in parts]) for k in parts[0]}
    figures = {k: round((got[k] == truth[k][:n]).float().mean().item(), 4) for k in got}
    log('held-out accuracy on renders', figures, 'steps', step)
    torch.save({'judge': half(judge.state_dict()), 'figures': figures}, os.path.join(args.work, 'judge.pt'))


if __name__ == '__main__':
    main()
