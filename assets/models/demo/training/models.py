"""The networks of the pack, with the parameter names of the published checkpoints (diffusers FLUX, T5, CLIP, facexlib ArcFace, InfiniteYou's Resampler)."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

FLUX = dict(dim=320, heads=5, double=2, single=6, joint=128, pooled=128, axes=(8, 28, 28))
INFUSE = dict(dim=320, heads=5, double=1, single=2, joint=128, pooled=128, axes=(8, 28, 28))
VAE_WIDTHS = (32, 64, 96, 96)
T5 = dict(vocab=439, dim=128, heads=4, kv=32, ff=320, layers=3)
CLIP = dict(vocab=844, dim=128, heads=2, ff=512, layers=2)
RESAMPLER = dict(dim=128, depth=2, dim_head=64, heads=2, queries=8, embedding=512, out=128)
FACE_WIDTHS = (16, 32, 48, 32)
TEXT_LENGTH = 64


def attention(q, k, v):
    """Softmax attention over [B, heads, tokens, head_dim]."""
    if hasattr(F, 'scaled_dot_product_attention'):
        return F.scaled_dot_product_attention(q, k, v)
    return torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), -1) @ v


class RMSNorm(nn.Module):
    def __init__(self, dim, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x):
        y = x.float()
        return (y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + self.eps)).to(x.dtype) * self.weight.to(x.dtype)


def rope_table(text, rows, cols, axes, device):
    """cos and sin [text + rows*cols, sum(axes)/2] in float32, computed in float64; text positions are zero."""
    ids = torch.zeros(text + rows * cols, 3, dtype=torch.float64)
    ids[text:, 1] = torch.arange(rows, dtype=torch.float64).repeat_interleave(cols)
    ids[text:, 2] = torch.arange(cols, dtype=torch.float64).repeat(rows)
    angles = torch.cat([ids[:, i:i + 1] * (10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)) for i, d in enumerate(axes)], 1)
    return angles.cos().float().to(device), angles.sin().float().to(device)


def rotate(x, cos, sin):
    """Rotates adjacent pairs of the last axis."""
    a, b = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([a * cos - b * sin, b * cos + a * sin], -1).flatten(-2).to(x.dtype)


def layer_norm(x):
    return F.layer_norm(x.float(), x.shape[-1:], eps=1e-6).to(x.dtype)


def modulated(x, shift, scale):
    return layer_norm(x) * (1 + scale[:, None]) + shift[:, None]


class Modulation(nn.Module):
    def __init__(self, dim, chunks):
        super().__init__()
        self.linear = nn.Linear(dim, chunks * dim)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.chunks = chunks

    def forward(self, temb):
        return self.linear(F.silu(temb)).chunk(self.chunks, 1)


class FeedForward(nn.Module):
    def __init__(self, dim):
        super().__init__()
        first = nn.Module()
        first.proj = nn.Linear(dim, 4 * dim)
        self.net = nn.ModuleList([first, nn.Identity(), nn.Linear(4 * dim, dim)])

    def forward(self, x):
        return self.net[2](F.gelu(self.net[0].proj(x), approximate='tanh'))


def split_heads(x, heads):
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


class JointAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        for name in ('to_q', 'to_k', 'to_v', 'add_q_proj', 'add_k_proj', 'add_v_proj', 'to_add_out'):
            setattr(self, name, nn.Linear(dim, dim))
        self.to_out = nn.ModuleList([nn.Linear(dim, dim)])
        for name in ('norm_q', 'norm_k', 'norm_added_q', 'norm_added_k'):
            setattr(self, name, RMSNorm(dim // heads))

    def forward(self, h, c, cos, sin):
        s = lambda x: split_heads(x, self.heads)
        q = torch.cat([self.norm_added_q(s(self.add_q_proj(c))), self.norm_q(s(self.to_q(h)))], 2)
        k = torch.cat([self.norm_added_k(s(self.add_k_proj(c))), self.norm_k(s(self.to_k(h)))], 2)
        v = torch.cat([s(self.add_v_proj(c)), s(self.to_v(h))], 2)
        o = attention(rotate(q, cos, sin), rotate(k, cos, sin), v).transpose(1, 2).flatten(2)
        return self.to_out[0](o[:, c.shape[1]:]), self.to_add_out(o[:, :c.shape[1]])


class DoubleBlock(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1 = Modulation(dim, 6)
        self.norm1_context = Modulation(dim, 6)
        self.attn = JointAttention(dim, heads)
        self.ff = FeedForward(dim)
        self.ff_context = FeedForward(dim)

    def forward(self, h, c, temb, cos, sin):
        a1, b1, g1, a2, b2, g2 = self.norm1(temb)
        p1, q1, k1, p2, q2, k2 = self.norm1_context(temb)
        oh, oc = self.attn(modulated(h, a1, b1), modulated(c, p1, q1), cos, sin)
        h = h + g1[:, None] * oh
        h = h + g2[:, None] * self.ff(modulated(h, a2, b2))
        c = c + k1[:, None] * oc
        c = c + k2[:, None] * self.ff_context(modulated(c, p2, q2))
        return h, c


class SelfAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        for name in ('to_q', 'to_k', 'to_v'):
            setattr(self, name, nn.Linear(dim, dim))
        self.norm_q = RMSNorm(dim // heads)
        self.norm_k = RMSNorm(dim // heads)

    def forward(self, x, cos, sin):
        s = lambda y: split_heads(y, self.heads)
        q = rotate(self.norm_q(s(self.to_q(x))), cos, sin)
        k = rotate(self.norm_k(s(self.to_k(x))), cos, sin)
        return attention(q, k, s(self.to_v(x))).transpose(1, 2).flatten(2)


class SingleBlock(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm = Modulation(dim, 3)
        self.attn = SelfAttention(dim, heads)
        self.proj_mlp = nn.Linear(dim, 4 * dim)
        self.proj_out = nn.Linear(5 * dim, dim)

    def forward(self, x, temb, cos, sin):
        shift, scale, gate = self.norm(temb)
        y = modulated(x, shift, scale)
        m = F.gelu(self.proj_mlp(y), approximate='tanh')
        return x + gate[:, None] * self.proj_out(torch.cat([self.attn(y, cos, sin), m], 2))


def sinusoid(v):
    """[B] -> [B, 256], cosines first."""
    w = torch.exp(-math.log(10000.0) * torch.arange(128, device=v.device, dtype=torch.float32) / 128)
    a = v.float()[:, None] * w[None]
    return torch.cat([a.cos(), a.sin()], 1)


class TwoLinears(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.linear_1 = nn.Linear(i, o)
        self.linear_2 = nn.Linear(o, o)
        nn.init.normal_(self.linear_1.weight, std=0.02)
        nn.init.normal_(self.linear_2.weight, std=0.02)

    def forward(self, x):
        return self.linear_2(F.silu(self.linear_1(x)))


class TimeTextEmbed(nn.Module):
    def __init__(self, dim, pooled):
        super().__init__()
        self.timestep_embedder = TwoLinears(256, dim)
        self.guidance_embedder = TwoLinears(256, dim)
        self.text_embedder = TwoLinears(pooled, dim)

    def forward(self, t, g, pooled):
        return self.timestep_embedder(sinusoid(1000 * t)) + self.guidance_embedder(sinusoid(1000 * g)) + self.text_embedder(pooled)


def init_linears(module):
    for name, m in module.named_modules():
        if isinstance(m, nn.Linear) and not name.endswith('norm1.linear') and 'time_text' not in name:
            if m.weight.abs().max() > 0:
                nn.init.xavier_uniform_(m.weight)
            nn.init.zeros_(m.bias)


class Flux(nn.Module):
    def __init__(self, cfg=FLUX):
        super().__init__()
        d, h = cfg['dim'], cfg['heads']
        self.x_embedder = nn.Linear(64, d)
        self.context_embedder = nn.Linear(cfg['joint'], d)
        self.time_text_embed = TimeTextEmbed(d, cfg['pooled'])
        self.transformer_blocks = nn.ModuleList([DoubleBlock(d, h) for _ in range(cfg['double'])])
        self.single_transformer_blocks = nn.ModuleList([SingleBlock(d, h) for _ in range(cfg['single'])])
        self.norm_out = Modulation(d, 2)
        self.proj_out = nn.Linear(d, 64)
        init_linears(self)
        nn.init.zeros_(self.proj_out.weight)

    def forward(self, x, txt, pooled, t, g, rope, double=None, single=None):
        """x [B,S,64], txt [B,L,joint], t and g [B], rope of L+S rows; residual lists from InfuseNet. Returns velocity [B,S,64]."""
        temb = self.time_text_embed(t, g, pooled)
        h, c = self.x_embedder(x), self.context_embedder(txt)
        n = len(self.transformer_blocks)
        for i, block in enumerate(self.transformer_blocks):
            h, c = block(h, c, temb, *rope)
            if double:
                h = h + double[i // math.ceil(n / len(double))]
        z = torch.cat([c, h], 1)
        length = c.shape[1]
        n = len(self.single_transformer_blocks)
        for i, block in enumerate(self.single_transformer_blocks):
            z = block(z, temb, *rope)
            if single:
                z = z + F.pad(single[i // math.ceil(n / len(single))], (0, 0, length, 0))
        scale, shift = self.norm_out(temb)
        return self.proj_out(modulated(z[:, length:], shift, scale))


class InfuseNet(nn.Module):
    def __init__(self, cfg=INFUSE):
        super().__init__()
        d, h = cfg['dim'], cfg['heads']
        self.x_embedder = nn.Linear(64, d)
        self.context_embedder = nn.Linear(cfg['joint'], d)
        self.time_text_embed = TimeTextEmbed(d, cfg['pooled'])
        self.transformer_blocks = nn.ModuleList([DoubleBlock(d, h) for _ in range(cfg['double'])])
        self.single_transformer_blocks = nn.ModuleList([SingleBlock(d, h) for _ in range(cfg['single'])])
        self.controlnet_x_embedder = nn.Linear(64, d)
        self.controlnet_blocks = nn.ModuleList([nn.Linear(d, d) for _ in range(cfg['double'])])
        self.controlnet_single_blocks = nn.ModuleList([nn.Linear(d, d) for _ in range(cfg['single'])])
        init_linears(self)
        for m in [self.controlnet_x_embedder, *self.controlnet_blocks, *self.controlnet_single_blocks]:
            nn.init.zeros_(m.weight)

    def start_from(self, base):
        """Copies the base transformer's embedders and evenly spaced blocks."""
        self.x_embedder.load_state_dict(base.x_embedder.state_dict())
        self.time_text_embed.load_state_dict(base.time_text_embed.state_dict())
        for mine, theirs in ((self.transformer_blocks, base.transformer_blocks), (self.single_transformer_blocks, base.single_transformer_blocks)):
            for i, block in enumerate(mine):
                block.load_state_dict(theirs[i * math.ceil(len(theirs) / len(mine))].state_dict())

    def forward(self, x, control, ids, pooled, t, g, rope):
        temb = self.time_text_embed(t, g, pooled)
        h = self.x_embedder(x) + self.controlnet_x_embedder(control)
        c = self.context_embedder(ids)
        double, single = [], []
        for block, out in zip(self.transformer_blocks, self.controlnet_blocks):
            h, c = block(h, c, temb, *rope)
            double.append(out(h))
        z = torch.cat([c, h], 1)
        for block, out in zip(self.single_transformer_blocks, self.controlnet_single_blocks):
            z = block(z, temb, *rope)
            single.append(out(z[:, c.shape[1]:]))
        return double, single


class ResamplerAttention(nn.Module):
    def __init__(self, dim, dim_head, heads):
        super().__init__()
        self.heads = heads
        inner = dim_head * heads
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.to_q = nn.Linear(dim, inner, bias=False)
        self.to_kv = nn.Linear(dim, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, dim, bias=False)

    def forward(self, x, z):
        x, z = self.norm1(x), self.norm2(z)
        k, v = self.to_kv(torch.cat([x, z], 1)).chunk(2, -1)
        q, k, v = (split_heads(y, self.heads) for y in (self.to_q(z), k, v))
        return self.to_out(attention(q, k, v).transpose(1, 2).flatten(2))


class Resampler(nn.Module):
    def __init__(self, cfg=RESAMPLER):
        super().__init__()
        d = cfg['dim']
        self.latents = nn.Parameter(torch.randn(1, cfg['queries'], d) / d ** 0.5)
        self.proj_in = nn.Linear(cfg['embedding'], d)
        self.proj_out = nn.Linear(d, cfg['out'])
        self.norm_out = nn.LayerNorm(cfg['out'])
        self.layers = nn.ModuleList([nn.ModuleList([
            ResamplerAttention(d, cfg['dim_head'], cfg['heads']),
            nn.Sequential(nn.LayerNorm(d), nn.Linear(d, 4 * d, bias=False), nn.GELU(), nn.Linear(4 * d, d, bias=False)),
        ]) for _ in range(cfg['depth'])])

    def forward(self, embedding):
        """[B,512] -> [B,8,joint]."""
        z = self.latents.expand(embedding.shape[0], -1, -1)
        x = self.proj_in(embedding[:, None])
        for attn, ff in self.layers:
            z = z + attn(x, z)
            z = z + ff(z)
        return self.norm_out(self.proj_out(z))


class T5Attention(nn.Module):
    def __init__(self, cfg, first):
        super().__init__()
        d, inner = cfg['dim'], cfg['heads'] * cfg['kv']
        self.heads = cfg['heads']
        for name in ('q', 'k', 'v'):
            setattr(self, name, nn.Linear(d, inner, bias=False))
        self.o = nn.Linear(inner, d, bias=False)
        nn.init.normal_(self.q.weight, std=(d * cfg['kv']) ** -0.5)
        nn.init.normal_(self.k.weight, std=d ** -0.5)
        nn.init.normal_(self.v.weight, std=d ** -0.5)
        nn.init.normal_(self.o.weight, std=inner ** -0.5)
        if first:
            self.relative_attention_bias = nn.Embedding(32, cfg['heads'])
            nn.init.normal_(self.relative_attention_bias.weight, std=d ** -0.5)

    def forward(self, x, bias):
        q, k, v = (split_heads(f(x), self.heads) for f in (self.q, self.k, self.v))
        w = torch.softmax((q @ k.transpose(-1, -2)).float() + bias, -1).to(v.dtype)
        return self.o((w @ v).transpose(1, 2).flatten(2))


class T5FeedForward(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.wi_0 = nn.Linear(cfg['dim'], cfg['ff'], bias=False)
        self.wi_1 = nn.Linear(cfg['dim'], cfg['ff'], bias=False)
        self.wo = nn.Linear(cfg['ff'], cfg['dim'], bias=False)
        nn.init.normal_(self.wi_0.weight, std=cfg['dim'] ** -0.5)
        nn.init.normal_(self.wi_1.weight, std=cfg['dim'] ** -0.5)
        nn.init.normal_(self.wo.weight, std=cfg['ff'] ** -0.5)

    def forward(self, x):
        return self.wo(F.gelu(self.wi_0(x), approximate='tanh') * self.wi_1(x))


class T5Encoder(nn.Module):
    def __init__(self, cfg=T5):
        super().__init__()
        self.shared = nn.Embedding(cfg['vocab'], cfg['dim'])
        nn.init.normal_(self.shared.weight, std=1.0)
        self.encoder = nn.Module()
        blocks = []
        for i in range(cfg['layers']):
            a, f, block = nn.Module(), nn.Module(), nn.Module()
            a.layer_norm, a.SelfAttention = RMSNorm(cfg['dim']), T5Attention(cfg, i == 0)
            f.layer_norm, f.DenseReluDense = RMSNorm(cfg['dim']), T5FeedForward(cfg)
            block.layer = nn.ModuleList([a, f])
            blocks.append(block)
        self.encoder.block = nn.ModuleList(blocks)
        self.encoder.final_layer_norm = RMSNorm(cfg['dim'])
        self.buckets = None

    def position_bias(self, n, device):
        rel = torch.arange(n)[None] - torch.arange(n)[:, None]
        a = rel.abs()
        far = 8 + (torch.log(a.clamp(min=1).float() / 8) / math.log(16) * 8).long()
        bucket = (rel > 0).long() * 16 + torch.where(a < 8, a, far.clamp(max=15))
        return bucket.to(device)

    def forward(self, ids):
        """[B,L] token ids -> [B,L,dim]; padding is attended, as the original pipeline does."""
        if self.buckets is None or self.buckets.shape[0] != ids.shape[1] or self.buckets.device != ids.device:
            self.buckets = self.position_bias(ids.shape[1], ids.device)
        blocks = self.encoder.block
        bias = blocks[0].layer[0].SelfAttention.relative_attention_bias(self.buckets).permute(2, 0, 1)[None].float()
        x = self.shared(ids)
        for b in blocks:
            x = x + b.layer[0].SelfAttention(b.layer[0].layer_norm(x), bias)
            x = x + b.layer[1].DenseReluDense(b.layer[1].layer_norm(x))
        return self.encoder.final_layer_norm(x)


class ClipLayer(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        d = cfg['dim']
        self.heads = cfg['heads']
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.self_attn, self.mlp = nn.Module(), nn.Module()
        for name in ('q_proj', 'k_proj', 'v_proj', 'out_proj'):
            setattr(self.self_attn, name, nn.Linear(d, d))
        self.mlp.fc1, self.mlp.fc2 = nn.Linear(d, cfg['ff']), nn.Linear(cfg['ff'], d)

    def forward(self, x, mask):
        a = self.self_attn
        y = self.layer_norm1(x)
        q, k, v = (split_heads(f(y), self.heads) for f in (a.q_proj, a.k_proj, a.v_proj))
        w = torch.softmax((q @ k.transpose(-1, -2)).float() / math.sqrt(q.shape[-1]) + mask, -1).to(v.dtype)
        x = x + a.out_proj((w @ v).transpose(1, 2).flatten(2))
        y = self.mlp.fc1(self.layer_norm2(x))
        return x + self.mlp.fc2(y * torch.sigmoid(1.702 * y))


class ClipText(nn.Module):
    def __init__(self, cfg=CLIP):
        super().__init__()
        m = self.text_model = nn.Module()
        m.embeddings, m.encoder = nn.Module(), nn.Module()
        m.embeddings.token_embedding = nn.Embedding(cfg['vocab'], cfg['dim'])
        m.embeddings.position_embedding = nn.Embedding(77, cfg['dim'])
        nn.init.normal_(m.embeddings.token_embedding.weight, std=0.5)
        nn.init.normal_(m.embeddings.position_embedding.weight, std=0.1)
        m.encoder.layers = nn.ModuleList([ClipLayer(cfg) for _ in range(cfg['layers'])])
        m.final_layer_norm = nn.LayerNorm(cfg['dim'])
        self.eos = cfg['vocab'] - 1

    def forward(self, ids):
        """[B,77] -> pooled [B,dim]: the state at the first end token."""
        m = self.text_model
        n = ids.shape[1]
        x = m.embeddings.token_embedding(ids) + m.embeddings.position_embedding.weight[None, :n]
        mask = torch.full((n, n), -1e9, device=ids.device).triu(1)
        for layer in m.encoder.layers:
            x = layer(x, mask)
        at = (ids == self.eos).int().argmax(1)
        return m.final_layer_norm(x[torch.arange(ids.shape[0], device=ids.device), at])


def group_norm(c):
    return nn.GroupNorm(32, c, eps=1e-6)


class ResnetBlock(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.norm1, self.conv1 = group_norm(i), nn.Conv2d(i, o, 3, padding=1)
        self.norm2, self.conv2 = group_norm(o), nn.Conv2d(o, o, 3, padding=1)
        if i != o:
            self.conv_shortcut = nn.Conv2d(i, o, 1)

    def forward(self, x):
        y = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        return (self.conv_shortcut(x) if hasattr(self, 'conv_shortcut') else x) + y


class VaeAttention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.group_norm = group_norm(c)
        for name in ('to_q', 'to_k', 'to_v'):
            setattr(self, name, nn.Linear(c, c))
        self.to_out = nn.ModuleList([nn.Linear(c, c)])

    def forward(self, x):
        b, c, h, w = x.shape
        y = self.group_norm(x).flatten(2).transpose(1, 2)
        o = attention(self.to_q(y)[:, None], self.to_k(y)[:, None], self.to_v(y)[:, None])[:, 0]
        return x + self.to_out[0](o).transpose(1, 2).reshape(b, c, h, w)


class MidBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.resnets = nn.ModuleList([ResnetBlock(c, c), ResnetBlock(c, c)])
        self.attentions = nn.ModuleList([VaeAttention(c)])

    def forward(self, x):
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class Sampler(nn.Module):
    def __init__(self, c, down):
        super().__init__()
        self.down = down
        self.conv = nn.Conv2d(c, c, 3, stride=2 if down else 1, padding=0 if down else 1)

    def forward(self, x):
        if self.down:
            return self.conv(F.pad(x, (0, 1, 0, 1)))
        return self.conv(F.interpolate(x.float(), scale_factor=2.0, mode='nearest').to(x.dtype) if x.device.type == 'cpu' else F.interpolate(x, scale_factor=2.0, mode='nearest'))


class VaeEncoder(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.conv_in = nn.Conv2d(3, widths[0], 3, padding=1)
        blocks, last = [], widths[0]
        for i, w in enumerate(widths):
            b = nn.Module()
            b.resnets = nn.ModuleList([ResnetBlock(last, w), ResnetBlock(w, w)])
            if i < len(widths) - 1:
                b.downsamplers = nn.ModuleList([Sampler(w, True)])
            blocks.append(b)
            last = w
        self.down_blocks = nn.ModuleList(blocks)
        self.mid_block = MidBlock(last)
        self.conv_norm_out, self.conv_out = group_norm(last), nn.Conv2d(last, 32, 3, padding=1)

    def forward(self, x):
        x = self.conv_in(x)
        for b in self.down_blocks:
            for r in b.resnets:
                x = r(x)
            if hasattr(b, 'downsamplers'):
                x = b.downsamplers[0](x)
        return self.conv_out(F.silu(self.conv_norm_out(self.mid_block(x))))


class VaeDecoder(nn.Module):
    def __init__(self, widths):
        super().__init__()
        last = widths[-1]
        self.conv_in = nn.Conv2d(16, last, 3, padding=1)
        self.mid_block = MidBlock(last)
        blocks = []
        for i, w in enumerate(reversed(widths)):
            b = nn.Module()
            b.resnets = nn.ModuleList([ResnetBlock(last, w), ResnetBlock(w, w), ResnetBlock(w, w)])
            if i < len(widths) - 1:
                b.upsamplers = nn.ModuleList([Sampler(w, False)])
            blocks.append(b)
            last = w
        self.up_blocks = nn.ModuleList(blocks)
        self.conv_norm_out, self.conv_out = group_norm(last), nn.Conv2d(last, 3, 3, padding=1)

    def forward(self, z):
        x = self.mid_block(self.conv_in(z))
        for b in self.up_blocks:
            for r in b.resnets:
                x = r(x)
            if hasattr(b, 'upsamplers'):
                x = b.upsamplers[0](x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class Vae(nn.Module):
    def __init__(self, widths=VAE_WIDTHS):
        super().__init__()
        self.encoder, self.decoder = VaeEncoder(widths), VaeDecoder(widths)

    def encode(self, x):
        """[B,3,H,W] in [-1,1] -> mean and log-variance [B,16,H/8,W/8]."""
        mean, logvar = self.encoder(x).float().chunk(2, 1)
        return mean, logvar.clamp(-30, 20)


class Squeeze(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(d, d // 16, 1, bias=False), nn.Conv2d(d // 16, d, 1, bias=False)

    def forward(self, x):
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class Bottleneck(nn.Module):
    def __init__(self, i, d, stride):
        super().__init__()
        self.stride = stride
        self.shortcut_layer = nn.MaxPool2d(1, stride) if i == d else nn.Sequential(nn.Conv2d(i, d, 1, stride, bias=False), nn.BatchNorm2d(d))
        self.res_layer = nn.Sequential(nn.BatchNorm2d(i), nn.Conv2d(i, d, 3, 1, 1, bias=False), nn.PReLU(d), nn.Conv2d(d, d, 3, stride, 1, bias=False), nn.BatchNorm2d(d), Squeeze(d))

    def forward(self, x):
        return self.shortcut_layer(x) + self.res_layer(x)


class FaceNet(nn.Module):
    """ArcFace IR-SE50 at smaller widths: 112x112 BGR in [-1,1] -> unit vectors of 512."""

    def __init__(self, widths=FACE_WIDTHS):
        super().__init__()
        self.input_layer = nn.Sequential(nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.PReLU(widths[0]))
        blocks, last = [], widths[0]
        for w, n in zip(widths, (3, 4, 14, 3)):
            for k in range(n):
                blocks.append(Bottleneck(last, w, 2 if k == 0 else 1))
                last = w
        self.body = nn.Sequential(*blocks)
        self.output_layer = nn.Sequential(nn.BatchNorm2d(last), nn.Identity(), nn.Flatten(), nn.Linear(last * 49, 512), nn.BatchNorm1d(512))

    def forward(self, x):
        return F.normalize(self.output_layer(self.body(self.input_layer(x))).float(), dim=1)


class Judge(nn.Module):
    """Scores text attributes of a 256x256 portrait in [-1,1]; for evaluation only, not part of the pack."""

    def __init__(self, sizes):
        super().__init__()
        layers, last = [], 3
        for w in (24, 48, 96, 128, 160):
            layers += [nn.Conv2d(last, w, 3, 2, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU(), nn.Conv2d(w, w, 3, 1, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU()]
            last = w
        self.trunk = nn.Sequential(*layers, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(last * 16, 512), nn.ReLU())
        self.heads = nn.ModuleDict({k: nn.Linear(512, n) for k, n in sizes.items()})

    def forward(self, x):
        y = self.trunk(x)
        return {k: head(y) for k, head in self.heads.items()}
