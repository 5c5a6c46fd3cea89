"""Builds both tokenizers from sampled captions: CLIP byte-level BPE and T5 unigram, in the layouts of the FLUX folder."""
import collections
import glob
import json
import math
import os
import random
import sys

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from captions import caption

EXTRA = """the quick brown fox jumps over a lazy dog. portrait, 4k, high quality, cinematic. watercolour oil painting sketch anime photo
of an astronaut, king, queen, wizard, pirate, chef, artist, musician, scientist at night, in the city, forest, garden, beach, snow, rain
old young child boy girl beard moustache freckles hat cap scarf coat jacket suit dress uniform smile laugh angry tired sleepy proud calm
soft light, golden hour, studio light, sharp focus, detailed, minimal, warm, cold, bright, dark, left right up down big small one two three
her his their its is are was with without and or but not no yes very more most like as by for from on in at to into over under between""".splitlines()


def clip_tokenizer(folder):
    """CLIP's fast tokenizer, from vocab.json and merges.txt."""
    vocab = json.load(open(os.path.join(folder, 'vocab.json')))
    merges = [tuple(l.split(' ')) for l in open(os.path.join(folder, 'merges.txt'), encoding='utf-8').read().split('\n')[1:] if l]
    tok = Tokenizer(models.BPE(vocab, merges, unk_token='<|endoftext|>', continuing_subword_prefix='', end_of_word_suffix='</w>', fuse_unk=False))
    configure_clip(tok)
    return tok


def configure_clip(tok):
    tok.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r'\s+'), ' '), normalizers.Lowercase()])
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"""<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""), behavior='removed', invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
    ])


def main(records_glob, out):
    records = [r for f in sorted(glob.glob(records_glob)) for r in json.load(open(f))]
    rng = random.Random(1)
    corpus = [caption(rng.choice(records), rng, identity=0.4) for _ in range(40000)] + EXTRA * 20

    bytes_in_order = list(json_byte_symbols())
    clip = Tokenizer(models.BPE(unk_token='<|endoftext|>', continuing_subword_prefix='', end_of_word_suffix='</w>'))
    configure_clip(clip)
    clip.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=900, show_progress=False, end_of_word_suffix='</w>', initial_alphabet=bytes_in_order))
    state = json.loads(clip.to_str())['model']
    merges = [m if isinstance(m, list) else m.split(' ') for m in state['merges']]
    vocab = bytes_in_order + [b + '</w>' for b in bytes_in_order]
    kept = []
    for a, b in merges[:330]:
        kept.append((a, b))
        vocab.append(a + b)
    assert len(set(vocab)) == len(vocab)
    vocab += ['<|startoftext|>', '<|endoftext|>']
    folder = os.path.join(out, 'tokenizer')
    os.makedirs(folder, exist_ok=True)
    json.dump({t: i for i, t in enumerate(vocab)}, open(os.path.join(folder, 'vocab.json'), 'w'), ensure_ascii=False)
    open(os.path.join(folder, 'merges.txt'), 'w', encoding='utf-8').write('#version: 0.2\n' + '\n'.join(f'{a} {b}' for a, b in kept) + '\n')
    json.dump({'tokenizer_class': 'CLIPTokenizer', 'model_max_length': 77, 'bos_token': '<|startoftext|>', 'eos_token': '<|endoftext|>',
               'pad_token': '<|endoftext|>', 'unk_token': '<|endoftext|>', 'do_lower_case': True}, open(os.path.join(folder, 'tokenizer_config.json'), 'w'))
    json.dump({'bos_token': '<|startoftext|>', 'eos_token': '<|endoftext|>', 'pad_token': '<|endoftext|>', 'unk_token': '<|endoftext|>'},
              open(os.path.join(folder, 'special_tokens_map.json'), 'w'))

    t5 = Tokenizer(models.Unigram(unigram_vocab(corpus), unk_id=2, byte_fallback=False))
    t5.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(' {2,}'), ' ')])
    space = pre_tokenizers.Metaspace(replacement='▁', prepend_scheme='always')
    t5.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), space])
    t5.decoder = decoders.Metaspace(replacement='▁', prepend_scheme='always')
    t5.add_special_tokens(['<pad>', '</s>', '<unk>'])
    t5.post_processor = processors.TemplateProcessing(single='$A </s>', pair='$A </s> $B </s>', special_tokens=[('</s>', 1)])
    folder = os.path.join(out, 'tokenizer_2')
    os.makedirs(folder, exist_ok=True)
    t5.save(os.path.join(folder, 'tokenizer.json'))
    json.dump({'tokenizer_class': 'T5TokenizerFast', 'model_max_length': 64, 'eos_token': '</s>', 'pad_token': '<pad>', 'unk_token': '<unk>', 'extra_ids': 0},
              open(os.path.join(folder, 'tokenizer_config.json'), 'w'))
    json.dump({'eos_token': '</s>', 'pad_token': '<pad>', 'unk_token': '<unk>'}, open(os.path.join(folder, 'special_tokens_map.json'), 'w'))
    check = clip_tokenizer(os.path.join(out, 'tokenizer'))
    lengths = [(len(check.encode(c).ids), len(t5.encode(c).ids)) for c in corpus[:3000]]
    print('vocab', len(vocab), t5.get_vocab_size(), 'longest', max(a for a, _ in lengths), max(b for _, b in lengths), check.encode(corpus[0]).tokens, t5.encode(corpus[0]).tokens)


def unigram_vocab(corpus, words=520, size=700):
    """Pieces with log probabilities: frequent words with their leading space mark, common endings, and single characters."""
    counts = collections.Counter()
    endings = collections.Counter()
    for line in corpus:
        for word in line.split():
            core = word.rstrip('.,')
            counts['▁' + core] += 1
            for mark in word[len(core):]:
                counts[mark] += 1
            for n in (2, 3, 4):
                if len(core) > n:
                    endings[core[-n:]] += 1
    total = sum(counts.values())
    pieces = dict(p for p in counts.most_common(words) if len(p[0]) > 1)
    for end, n in endings.most_common(60):
        pieces.setdefault(end, n // 200 + 1)
    characters = ['▁'] + [chr(c) for c in range(33, 127)] + list('àáâäçèéêëìíîïñòóôöùúûüœ–—’‘“”…')
    for c in characters:
        pieces[c] = counts[c] if c in '.,' else 2
    ranked = sorted(pieces.items(), key=lambda p: (-p[1], p[0]))[:size - 3]
    assert all(c in dict(ranked) for c in characters)
    return [('<pad>', 0.0), ('</s>', 0.0), ('<unk>', 0.0)] + [(p, math.log(n / total)) for p, n in ranked]


def json_byte_symbols():
    """The 256 printable stand-ins of byte-level BPE, in CLIP's order."""
    codes = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    chars = [chr(c) for c in codes]
    n = 0
    for b in range(256):
        if b not in codes:
            chars.append(chr(256 + n))
            n += 1
    return chars


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2])
