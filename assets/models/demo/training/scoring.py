"""What evaluate.py and score.py share: which held-out prompts are drawn for whom, and what is said of the pictures."""
import random

import torch

from captions import full_caption
from common import ATTRIBUTES, DEVICE, face_crop
from train_judge import judged


def held_out_prompts(records, count, renders):
    """Up to `count` held-out attribute combinations as (prompt, record, index of a person)."""
    rng = random.Random(5)
    combos = [r for r in records if r['heldOutCombination']]
    chosen = rng.sample(combos, min(count, len(combos)))
    return [(full_caption(r, rng), r, i % (len(records) // renders)) for i, r in enumerate(chosen)]


@torch.no_grad()
def scores(face, judge, pictures, who, faces, records, per, batch=120):
    """Identity cosines against the source, other renders of the same person and random people; share of samples that obey each attribute.

    pictures [N,3,256,256] in [-1,1]; who [N] indexes the people of `faces` [people x per, 512]."""
    n = len(pictures)
    e = torch.cat([face(face_crop(p)) for p in pictures.split(batch)])
    told = judged(judge, pictures, batch)
    ref = faces.float().to(DEVICE)
    cos = e @ ref.T
    rows, own = torch.arange(n, device=DEVICE), who.to(DEVICE) * per
    same = torch.stack([cos[rows, own + k] for k in range(1, per)]).mean(0)
    strangers = torch.randint(len(ref) // per - 1, (n,), generator=torch.Generator().manual_seed(3)).to(DEVICE)
    random_one = cos[rows, (strangers + (strangers >= who.to(DEVICE))) * per]
    attributes = {}
    for k, values in ATTRIBUTES.items():
        # A close crop hides the shirt's kind; glasses that are not there have no colour.
        asked = [i for i, r in enumerate(records) if not (r['crop'] == 'close' and k == 'shirt') and not (r['glasses'] == 'none' and k == 'glassesColour')]
        attributes[k] = round(sum(values[told[k][i]] == records[i][k] for i in asked) / max(1, len(asked)), 4)
    mean = lambda v: round(v.float().mean().item(), 4)
    return dict(cosine_to_source=mean(cos[rows, own]), cosine_to_other_renders=mean(same), cosine_to_random=mean(random_one), nearer_to_own_than_random=mean(same > random_one),
                top1_identity=mean(cos.argmax(1) // per == who.to(DEVICE)), attributes=attributes)
