"""Tokenises sampled captions of every training portrait: `captions.pt` with [N, K, 64] T5 ids, [N, K, 77] CLIP ids and what each caption tells.

`told` [N, K, attributes] holds the attribute's value index, or -1 where the caption leaves it out.
"""
import multiprocessing
import os
import random
import sys

import torch
from tokenizers import Tokenizer

from captions import caption
from common import ATTRIBUTES, records_of
from make_tokenizers import clip_tokenizer

PACK = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'flux')


class Tokenizers:
    """Both tokenizers with the pack's lengths."""

    def __init__(self):
        self.t5 = Tokenizer.from_file(os.path.join(PACK, 'tokenizer_2', 'tokenizer.json'))
        self.t5.enable_truncation(64)
        self.t5.enable_padding(length=64, pad_id=0, pad_token='<pad>')
        self.clip = clip_tokenizer(os.path.join(PACK, 'tokenizer'))
        self.end = self.clip.token_to_id('<|endoftext|>')

    def __call__(self, texts):
        t5 = torch.tensor([e.ids for e in self.t5.encode_batch(texts)])
        rows = []
        for e in self.clip.encode_batch(texts):
            ids = [self.end - 1] + e.ids[:75] + [self.end]
            rows.append(ids + [self.end] * (77 - len(ids)))
        return t5, torch.tensor(rows)


def captions_of(job):
    seed, records, k = job
    rng = random.Random(seed)
    texts, told = [], []
    for r in records:
        for _ in range(k):
            said = set()
            texts.append(caption(r, rng, said=said))
            told.append([v.index(r[a]) if a in said else -1 for a, v in ATTRIBUTES.items()])
    return texts, told


def main(data, work, k):
    records = records_of(os.path.join(data, 'train'))
    jobs = [(i, records[i:i + 2000], k) for i in range(0, len(records), 2000)]
    with multiprocessing.Pool(min(12, os.cpu_count())) as pool:
        parts = pool.map(captions_of, jobs)
    texts = [t for part in parts for t in part[0]]
    told = torch.tensor([t for part in parts for t in part[1]], dtype=torch.int8)
    t5, clip = Tokenizers()(texts)
    os.makedirs(work, exist_ok=True)
    torch.save({'t5': t5.to(torch.int16).view(len(records), k, 64), 'clip': clip.to(torch.int16).view(len(records), k, 77),
                'told': told.view(len(records), k, -1)}, os.path.join(work, 'captions.pt'))
    print('captions', len(texts), 'unknown', int((t5 == 2).sum()), 'longest', int((t5 != 0).sum(1).max()), int((clip != clip.max()).sum(1).max()), texts[:3])


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
