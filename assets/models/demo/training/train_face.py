"""Stage 2: identity embedder. ArcFace margin loss over training identities plus linear read-outs of the identity's parts; embeds all portraits."""
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

from common import DEVICE, IDENTITY, Average, Log, Portraits, adamw, autocast, budget, face_crop, half, learning_rate, load, options, set_lr
from models import FaceNet


def augmented(crop):
    """Small blur, noise and colour drift, so that generated portraits embed like rendered ones."""
    b = crop.shape[0]
    soft = F.interpolate(F.avg_pool2d(crop, 2), scale_factor=2.0, mode='bilinear', align_corners=False)
    w = torch.rand(b, 1, 1, 1, device=crop.device) * (torch.rand(b, 1, 1, 1, device=crop.device) < 0.5)
    crop = crop * (1 - w) + soft * w
    crop = crop * (1 + 0.03 * torch.randn(b, 3, 1, 1, device=crop.device)) + 0.03 * torch.randn(b, 3, 1, 1, device=crop.device)
    return crop + 0.06 * torch.rand(b, 1, 1, 1, device=crop.device) * torch.randn_like(crop)


@torch.no_grad()
def embed_all(net, data, batch=256):
    out = []
    for i in range(0, len(data.records), batch):
        x = data.batch(torch.arange(i, min(i + batch, len(data.records)), device=DEVICE))
        out.append(net(face_crop(x)))
    return torch.cat(out)


def verification(e, ids):
    """Best-threshold accuracy and rates over all same-identity pairs and as many different-identity pairs."""
    same = (ids[:, None] == ids[None]).triu(1)
    other = (ids[:, None] != ids[None]).triu(1)
    c = e @ e.T
    pos, neg = c[same], c[other]
    neg_some = neg[torch.randperm(len(neg), device=neg.device)[:len(pos)]]
    both = torch.cat([pos, neg_some])
    order = torch.sort(both)[0][::max(1, len(both) // 500)]
    acc, at = max(((((pos >= t).float().mean() + (neg_some < t).float().mean()) / 2).item(), t.item()) for t in order)
    best = c.masked_fill(torch.eye(len(e), dtype=torch.bool, device=e.device), -2).argmax(1)
    return dict(accuracy=round(acc, 4), threshold=round(at, 3), same=round(pos.mean().item(), 3), different=round(neg.mean().item(), 3),
                different95=round(neg.float()[:2_000_000].quantile(0.95).item(), 3), nearest=round((ids[best] == ids).float().mean().item(), 4))


def main():
    args = options(seconds=90, batch=384, lr=2.5e-3, margin=0.25, scale=24.0, aux=0.5, resume='', chunks=1, held=1, max_steps=10 ** 9)
    log = Log(args, 'face')
    data = Portraits(os.path.join(args.data, 'train'), args.chunks).wait(args.chunks, log)
    held = Portraits(os.path.join(args.data, 'heldout'), args.held).wait(args.held, log)
    records = data.list()
    ids = torch.tensor([r['id'] for r in records], device=DEVICE)
    parts = {k: torch.tensor([v.index(r[k]) for r in records], device=DEVICE) for k, v in IDENTITY.items()}
    held_ids = torch.tensor([r['id'] for r in held.list()], device=DEVICE)
    net = FaceNet().to(DEVICE).to(memory_format=torch.channels_last)
    if args.resume:
        load(net, args.resume, 'face')
    centres = nn.Parameter(F.normalize(torch.randn(int(ids.max()) + 1, 512, device=DEVICE), dim=1))
    heads = nn.ModuleDict({k: nn.Linear(512, len(v)) for k, v in IDENTITY.items()}).to(DEVICE)
    opt = adamw([*net.parameters(), *heads.parameters(), centres], args.lr, wd=0.02, betas=(0.9, 0.99))
    mean = Average([net], 0.998)
    start, step, sums = log.elapsed(), 0, torch.zeros(3, device=DEVICE)
    seconds = budget(args)
    while log.elapsed() - start < seconds and step < args.max_steps:
        progress = (log.elapsed() - start) / seconds
        set_lr(opt, learning_rate(progress, args.lr))
        index = data.sample(args.batch)
        crop = augmented(face_crop(data.batch(index), jitter=1.0)).contiguous(memory_format=torch.channels_last)
        with autocast():
            e = net(crop)
            extra = sum(F.cross_entropy(heads[k](e * 16).float(), parts[k][index]) for k in heads) / len(heads)
            cos = e.to(torch.bfloat16) @ F.normalize(centres, dim=1).T.to(torch.bfloat16) if DEVICE == 'cuda' else e @ F.normalize(centres, dim=1).T
        cos = cos.float()
        rows = torch.arange(len(index), device=DEVICE)
        true = (e * F.normalize(centres[ids[index]], dim=1)).sum(1).clamp(-0.999, 0.999)
        margin = args.margin * min(1.0, progress * 4)
        logits = cos.index_put((rows, ids[index]), torch.cos((true.acos() + margin).clamp(max=math.pi))) * args.scale
        arc = F.cross_entropy(logits, ids[index])
        loss = arc + args.aux * extra
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
        mean.update()
        sums += torch.stack([arc, extra, (cos.argmax(1) == ids[index]).float().mean()]).detach()
        step += 1
        if step % 200 == 0:
            log('step', step, 'arc extra top1', [round(v, 4) for v in (sums / 200).tolist()])
            sums.zero_()
    with mean.applied():
        net.load_state_dict({k: v.float() if v.dtype.is_floating_point else v for k, v in half(net.state_dict()).items()})
        net.eval()
        e = embed_all(net, held)
        figures = verification(e[:3000], held_ids[:3000])
        log('held-out verification', figures, 'steps', step)
        torch.save(embed_all(net, data).half().cpu(), os.path.join(args.work, 'faces-train.pt'))
        torch.save(e.half().cpu(), os.path.join(args.work, 'faces-heldout.pt'))
        torch.save({'face': half(net.state_dict()), 'figures': figures, 'steps': step}, os.path.join(args.work, 'face.pt'))


main()
