"""The app's weight formats, applied and undone: what a quantized network's weights are worth. Same arithmetic as `src-main/engine/quant`."""
import re

import torch

FORMATS = ('fp8', 'int8', 'int4', 'nf4')
KEPT = re.compile(r'x_embedder|context_embedder|time_text_embed|\.norm1\.linear|\.norm1_context\.linear|\.norm\.linear|norm_out|^proj_out|shared|'
                  r'embed_tokens|relative_attention_bias|layer_norm')
NF4 = torch.tensor([-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
                    0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0])
EXTREMES = (-8.49, -8.0, -7.3, -6.5)


def by_row(w, largest):
    scale = w.abs().amax(1, keepdim=True) / largest
    return torch.where(scale == 0, torch.ones_like(scale), scale)


def int4(w):
    """Blocks of 32 along the row; the scale with the least squared error of four candidates, kept in f16."""
    n, k = w.shape
    b = torch.nn.functional.pad(w, (0, -k % 32)).view(n, -1, 32).double()
    extreme = b.gather(2, b.abs().argmax(2, keepdim=True))
    best, scale = torch.full_like(extreme, -1), torch.zeros_like(extreme)
    for code in EXTREMES:
        c = (b * torch.where(extreme == 0, torch.zeros_like(extreme), code / extreme)).round().clamp(max=7)
        s = (b * c).sum(2, keepdim=True) / (c * c).sum(2, keepdim=True).clamp(min=1e-30)
        score = s * (b * c).sum(2, keepdim=True)
        scale, best = torch.where(score > best, s, scale), torch.maximum(score, best)
    scale = scale.half().double()
    codes = (b * torch.where(scale == 0, torch.zeros_like(scale), 1 / scale)).add(0.5).floor().clamp(-8, 7)
    return (codes * scale).float().view(n, -1)[:, :k]


def nf4(w):
    flat = torch.nn.functional.pad(w.flatten(), (0, -w.numel() % 64)).view(-1, 64)
    absmax = flat.abs().amax(1, keepdim=True)
    book = NF4.to(w.device)
    codes = torch.bucketize(flat / absmax.clamp(min=1e-38), (book[1:] + book[:-1]) / 2)
    return (book[codes] * absmax).flatten()[:w.numel()].view_as(w)


def fp8(w):
    scale = by_row(w, 448)
    return (w / scale).clamp(-448, 448).to(torch.float8_e4m3fn).float() * scale


def int8(w):
    scale = by_row(w, 127)
    return (w / scale).round().clamp(-128, 127) * scale


def dequantized(state, form):
    """State dict with every quantized matrix replaced by its value in the format; vectors and the keep list stay."""
    round_trip = dict(fp8=fp8, int8=int8, int4=int4, nf4=nf4)[form]
    return {k: round_trip(v.float()) if v.ndim == 2 and not KEPT.search(k) else v for k, v in state.items()}
