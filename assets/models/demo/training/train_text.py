"""Stage 3: both text encoders learn what captions tell, before the base: every attribute is read off their outputs by linear layers."""
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

from common import ATTRIBUTES, DEVICE, Log, adamw, autocast, budget, half, learning_rate, options, set_lr
from models import CLIP, T5, TEXT_LENGTH, ClipText, T5Encoder


def heads(dim):
    return nn.ModuleList([nn.Linear(dim, len(v)) for v in ATTRIBUTES.values()]).to(DEVICE)


def main():
    args = options(seconds=25, batch=1024, lr=2e-3, max_steps=10 ** 9)
    log = Log(args, 'text')
    texts = torch.load(os.path.join(args.work, 'captions.pt'))
    t5_ids, clip_ids, told = (texts[k].flatten(0, 1).to(DEVICE) for k in ('t5', 'clip', 'told'))
    t5, clip = T5Encoder().to(DEVICE), ClipText().to(DEVICE)
    t5.buckets = t5.position_bias(TEXT_LENGTH, DEVICE)
    of_t5, of_clip = heads(T5['dim']), heads(CLIP['dim'])
    params = [p for m in (t5, clip, of_t5, of_clip) for p in m.parameters()]
    opt = adamw(params, args.lr)
    start, step, seconds = log.elapsed(), 0, budget(args)
    while log.elapsed() - start < seconds and step < args.max_steps:
        set_lr(opt, learning_rate((log.elapsed() - start) / seconds, args.lr, floor=0.1))
        index = torch.randint(len(told), (args.batch,), device=DEVICE)
        truth = told[index].long()
        with autocast():
            a, b = t5(t5_ids[index].long()).mean(1), clip(clip_ids[index].long())
            answers = [(f(a), g(b)) for f, g in zip(of_t5, of_clip)]
        losses = [F.cross_entropy(x.float(), truth[:, i], ignore_index=-1) for i, pair in enumerate(answers) for x in pair]
        loss = sum(losses) / len(losses)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        step += 1
        if step % 100 == 0:
            right = [((x.argmax(1) == truth[:, i]) | (truth[:, i] < 0)).float().mean() for i, pair in enumerate(answers) for x in pair]
            log('step', step, 'loss', round(loss.item(), 4), 'least right', round(min(r.item() for r in right), 4))
    torch.save({'t5': half(t5.state_dict()), 'clip': half(clip.state_dict()), 'steps': step}, os.path.join(args.work, 'text.pt'))
    log('done', step)


main()
