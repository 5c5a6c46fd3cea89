"""Stage 5: guidance distillation. The student's velocity at guidance g learns the teacher's classifier-free combination; text encoders stay fixed."""
import os

import torch

from common import DEVICE, Average, Log, adamw, autocast, budget, compiled, draw_times, half, learning_rate, load, options, set_lr, wait_for
from models import FLUX, TEXT_LENGTH, ClipText, DoubleBlock, Flux, SingleBlock, T5Encoder, rope_table
from train_base import Cache, save_samples


def main():
    args = options(seconds=90, batch=256, lr=4e-4, max_steps=10 ** 9)
    log = Log(args, 'distil')
    teacher, student = Flux().to(DEVICE).requires_grad_(False), Flux().to(DEVICE)
    compiled(args, [teacher, student], (DoubleBlock, SingleBlock))
    opt = adamw(student.parameters(), args.lr)
    rope = rope_table(TEXT_LENGTH, 16, 16, FLUX['axes'], DEVICE)
    one = torch.ones(args.batch, device=DEVICE)
    if args.wait:
        x, c, p = (torch.randn(args.batch, *s, device=DEVICE) for s in ((256, 64), (TEXT_LENGTH, FLUX['joint']), (FLUX['pooled'],)))
        with autocast():
            with torch.no_grad():
                teacher(x, c, p, one, one, rope)
            student(x, c, p, one, one, rope).float().pow(2).mean().backward()
        opt.zero_grad(set_to_none=True)
        torch.cuda.synchronize() if DEVICE == 'cuda' else None
    wait_for(args, log)
    cache = Cache(args)
    path = os.path.join(args.work, 'base.pt')
    load(teacher, path, 'flux'), load(student, path, 'flux')
    t5, clip = load(T5Encoder(), path, 't5').requires_grad_(False), load(ClipText(), path, 'clip').requires_grad_(False)
    mean = Average([student], 0.995)
    with torch.no_grad(), autocast():
        no_text, no_pooled = t5(cache.empty[0]), clip(cache.empty[1])
    n = cache.z.shape[0]
    start, step, total = log.elapsed(), 0, torch.zeros(1, device=DEVICE)
    seconds = budget(args)
    while log.elapsed() - start < seconds and step < args.max_steps:
        set_lr(opt, learning_rate((log.elapsed() - start) / seconds, args.lr))
        index = torch.randint(n, (args.batch,), device=DEVICE)
        x0 = cache.images(index)
        a, b = cache.texts(index, drop=0.03)
        noise, t = torch.randn_like(x0), draw_times(args.batch)
        xt = (1 - t)[:, None, None] * x0 + t[:, None, None] * noise
        g = torch.where(torch.rand(args.batch, device=DEVICE) < 0.25, one, 1 + 5 * torch.rand(args.batch, device=DEVICE))
        with autocast():
            with torch.no_grad():
                txt, pooled = t5(a), clip(b)
                vc = teacher(xt, txt, pooled, t, one, rope).float()
                vu = teacher(xt, no_text.expand_as(txt), no_pooled.expand_as(pooled), t, one, rope).float()
                target = vu + g[:, None, None] * (vc - vu)
            v = student(xt, txt, pooled, t, g, rope)
        loss = ((v.float() - target) ** 2).mean()
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        opt.step()
        mean.update()
        total += loss.detach()
        step += 1
        if step % 100 == 0:
            log('step', step, 'loss', round(total.item() / 100, 5))
            total.zero_()
    with mean.applied():
        torch.save({'flux': half(student.state_dict()), 't5': half(t5.state_dict()), 'clip': half(clip.state_dict()), 'steps': step}, os.path.join(args.work, 'student.pt'))
        for g in (2.0, 4.0):
            save_samples(args, (student, t5, clip), cache.norm, log, f'distil-{g}.png', g, seeds=1)
    log('done', step)


main()
