"""Shared parts of the training stages: data, crops, schedule, checkpoints, logs, contact sheets, safetensors."""
import argparse
import contextlib
import glob
import json
import math
import os
import struct
import time

import numpy as np
import torch
import torch.nn.functional as F

DEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'
TEMPLATE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])
CROP_SCALE, CROP_LEFT, CROP_TOP = 112 / 208, 24.0, 2.0
SHIFT_MU = 0.5
EXPRESSIONS = ['smile', 'laugh', 'surprise', 'nervous', 'kiss', 'sad', 'closed']
COLOURS = ['white', 'black', 'red', 'yellow', 'green', 'blue', 'purple', 'pink']
BACKGROUNDS = ['white', 'red', 'orange', 'yellow', 'green', 'blue', 'navy', 'pink']
ATTRIBUTES = {
    'expression': EXPRESSIONS, 'glasses': ['none', 'round', 'square'], 'glassesColour': ['none', 'black', 'red', 'blue', 'white'],
    'earring': ['none', 'hoop'], 'shirt': ['open', 'crew', 'collared'], 'shirtColour': COLOURS, 'background': BACKGROUNDS,
    'facing': ['right', 'left'], 'crop': ['portrait', 'close', 'far'],
}
IDENTITY = {
    'skin': ['porcelain', 'fair', 'tan', 'golden', 'brown', 'umber', 'dark'],
    'hair': ['fonze', 'mrT', 'dougFunny', 'mrClean', 'dannyPhantom', 'full', 'turban', 'pixie'],
    'hairColour': ['black', 'dark brown', 'chestnut', 'auburn', 'ginger', 'blond', 'grey', 'white', 'pink', 'blue', 'green', 'purple'],
    'nose': ['curve', 'pointed', 'tound'], 'ears': ['attached', 'detached'], 'brows': ['up', 'down', 'eyelashesUp', 'eyelashesDown'],
    'eyes': ['eyes', 'round', 'eyesShadow'], 'lids': ['6bd9e9', '9287ff', 'fc909f', 'ffeba4'], 'facialHair': ['none', 'beard', 'scruff'],
}


def options(**defaults):
    """Command line: every keyword becomes an option of its default's type."""
    p = argparse.ArgumentParser()
    for k, v in dict(data='work/portraits', work='work', out='work/out', seed=1, compile=1, until=0.0, wait='', **defaults).items():
        p.add_argument('--' + k, type=type(v), default=v)
    args = p.parse_args()
    os.makedirs(args.work, exist_ok=True)
    os.makedirs(args.out, exist_ok=True)
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    return args


def autocast():
    return torch.autocast('cuda', torch.bfloat16) if DEVICE == 'cuda' else contextlib.nullcontext()


def budget(args):
    """Seconds a stage may train: up to the absolute time `--until` where given, else `--seconds`."""
    return max(1.0, args.until - time.time()) if args.until else args.seconds


def wait_for(args, log):
    """Waits for the file `--wait` names, so that a stage can import and compile while the one before it still runs."""
    if args.wait:
        log('ready, waiting for', args.wait)
        while not os.path.exists(os.path.join(args.work, args.wait)):
            time.sleep(0.1)
        log('starting')


def finished(args, name):
    open(os.path.join(args.work, name), 'w').close()


class Log:
    def __init__(self, args, name):
        self.start = time.time()
        self.file = open(os.path.join(args.out, name + '.log'), 'a')

    def __call__(self, *words):
        line = f'{time.time() - self.start:7.1f}s ' + ' '.join(str(w) for w in words)
        print(line, flush=True)
        self.file.write(line + '\n')
        self.file.flush()

    def elapsed(self):
        return time.time() - self.start


class Portraits:
    """Up to `chunks` chunks of a rendered folder on the device, at fixed positions; `refresh` picks up chunks that have arrived since."""

    def __init__(self, folder, chunks, device=DEVICE):
        self.folder, self.chunks, self.device, self.images, self.size = folder, chunks, device, None, 0
        self.loaded, self.records, self.positions = set(), {}, torch.zeros(0, dtype=torch.long, device=device)

    def refresh(self, limit=10 ** 9):
        names = sorted(glob.glob(os.path.join(self.folder, 'c*.json')))
        fresh = [n for n in names if n not in self.loaded][:limit]
        for name in fresh:
            records = json.load(open(name))
            chunk = int(os.path.basename(name)[1:-5])
            self.size = self.size or len(records)
            pixels = torch.from_numpy(np.fromfile(name[:-5] + '.rgb', np.uint8)).view(-1, 256, 256, 3)
            end = (chunk + 1) * self.size
            if self.images is None:
                self.images = torch.zeros((self.chunks * self.size, 256, 256, 3), dtype=torch.uint8, device=self.device)
            self.images[chunk * self.size:end] = pixels.to(self.device)
            for i, r in enumerate(records):
                self.records[chunk * self.size + i] = r
            self.loaded.add(name)
            self.positions = torch.cat([self.positions, torch.arange(chunk * self.size, end, device=self.device)])
        return len(self.positions)

    def wait(self, chunks, log=print):
        while len(glob.glob(os.path.join(self.folder, 'c*.json'))) < chunks:
            time.sleep(0.5)
        self.refresh()
        log('loaded', len(self.positions), 'portraits')
        return self

    def list(self):
        return [self.records[i] for i in sorted(self.records)]

    def sample(self, n):
        return self.positions[torch.randint(len(self.positions), (n,), device=self.device)]

    def batch(self, index):
        """RGB [B,3,256,256] in [-1,1]."""
        return self.images[index].permute(0, 3, 1, 2).float() / 127.5 - 1


def records_of(folder):
    """Attribute records of every portrait of a rendered folder, in order."""
    return [r for n in sorted(glob.glob(os.path.join(folder, 'c*.json'))) for r in json.load(open(n))]


def landmarks():
    """Five points in a 256x256 portrait that the ArcFace template maps back to the crop below."""
    return TEMPLATE / CROP_SCALE + np.array([CROP_LEFT, CROP_TOP])


def face_crop(images, jitter=0.0):
    """RGB [B,3,256,256] in [-1,1] -> aligned BGR crop [B,3,112,112]: bilinear, black outside, pixel-index coordinates."""
    b = images.shape[0]
    base = torch.arange(112, device=images.device, dtype=torch.float32)
    scale = torch.full((b, 1), 1 / CROP_SCALE, device=images.device)
    left = torch.full((b, 1), CROP_LEFT, device=images.device)
    top = torch.full((b, 1), CROP_TOP, device=images.device)
    if jitter:
        scale = scale * (1 + jitter * 0.04 * torch.randn_like(scale))
        left = left + jitter * 4 * torch.randn_like(left)
        top = top + jitter * 4 * torch.randn_like(top)
    x = (base[None] * scale + left + 0.5) / 128 - 1
    y = (base[None] * scale + top + 0.5) / 128 - 1
    grid = torch.stack([x[:, None, :].expand(b, 112, 112), y[:, :, None].expand(b, 112, 112)], -1)
    return (F.grid_sample(images.float() + 1, grid, mode='bilinear', padding_mode='zeros', align_corners=False) - 1).flip(1)


def pack_latents(z):
    """[B,16,h,w] -> [B,(h/2)(w/2),64], feature c*4+dy*2+dx."""
    b, c, h, w = z.shape
    return z.view(b, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3, 5).reshape(b, (h // 2) * (w // 2), c * 4)


def unpack_latents(x, rows=16, cols=16):
    b = x.shape[0]
    return x.view(b, rows, cols, 16, 2, 2).permute(0, 3, 1, 4, 2, 5).reshape(b, 16, rows * 2, cols * 2)


def shifted(u, mu=SHIFT_MU):
    e = math.exp(mu)
    return e * u / (1 + (e - 1) * u)


def sigmas(steps):
    u = torch.linspace(1, 1 / steps, steps, dtype=torch.float64)
    return torch.cat([shifted(u), torch.zeros(1, dtype=torch.float64)]).float()


def draw_times(n, uniform=0.25, mu=SHIFT_MU):
    """Logit-normal times with a share of uniform ones, shifted: a larger `mu` draws more of the noisy end, where whole features are decided."""
    u = torch.sigmoid(torch.randn(n, device=DEVICE))
    u = torch.where(torch.rand(n, device=DEVICE) < uniform, torch.rand(n, device=DEVICE), u)
    return shifted(u, mu).clamp(1e-4, 1)


def learning_rate(progress, peak, warm=0.03, floor=0.02):
    if progress < warm:
        return peak * max(progress, 1e-3) / warm
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - warm) / (1 - warm)))))


class Average:
    """Exponential moving average of parameters and buffers, with a warm-up."""

    def __init__(self, modules, decay=0.999):
        self.live = [p for m in modules for p in m.state_dict().values() if p.dtype.is_floating_point]
        self.kept = [p.detach().clone() for p in self.live]
        self.decay, self.steps = decay, 0

    def update(self):
        self.steps += 1
        w = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        if hasattr(torch, '_foreach_lerp_'):
            torch._foreach_lerp_(self.kept, self.live, w)
        else:
            for a, b in zip(self.kept, self.live):
                a.lerp_(b, w)

    @contextlib.contextmanager
    def applied(self):
        saved = [p.detach().clone() for p in self.live]
        with torch.no_grad():
            for p, k in zip(self.live, self.kept):
                p.copy_(k)
        yield
        with torch.no_grad():
            for p, k in zip(self.live, saved):
                p.copy_(k)


def adamw(params, lr, wd=0.01, betas=(0.9, 0.95)):
    params = [p for p in params if p.requires_grad]
    kw = dict(fused=True) if DEVICE == 'cuda' else {}
    return torch.optim.AdamW([dict(params=[p for p in params if p.ndim > 1], weight_decay=wd), dict(params=[p for p in params if p.ndim < 2], weight_decay=0)], lr=lr, betas=betas, **kw)


@torch.no_grad()
def orthogonal(x, steps=5):
    """Newton-Schulz iteration towards the nearest half-orthogonal matrix of each matrix in [N, R, C]."""
    x = x.to(torch.bfloat16) if DEVICE == 'cuda' else x.float()
    turn = x.shape[1] > x.shape[2]
    x = x.transpose(1, 2) if turn else x
    x = x / (x.float().norm(dim=(1, 2), keepdim=True).to(x.dtype) + 1e-7)
    for _ in range(steps):
        a = x @ x.transpose(1, 2)
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.transpose(1, 2) if turn else x


class Muon:
    """Momentum orthogonalised per matrix (Jordan et al. 2024), updates scaled to AdamW's size (Moonshot 2025); equal shapes go as one batch."""

    def __init__(self, params, lr, momentum=0.95, wd=0.01):
        self.momentum, self.wd, self.groups = momentum, wd, {}
        self.param_groups = [{'lr': lr}]
        for p in params:
            self.groups.setdefault(tuple(p.shape), []).append(p)
        self.buffers = {k: torch.zeros(len(v), *k, device=v[0].device) for k, v in self.groups.items()}

    @torch.no_grad()
    def step(self):
        lr = self.param_groups[0]['lr']
        for shape, params in self.groups.items():
            grad, buffer = torch.stack([p.grad for p in params]), self.buffers[shape]
            buffer.lerp_(grad, 1 - self.momentum)
            update = orthogonal(grad.lerp(buffer, self.momentum)).to(params[0].dtype)
            scale = 0.2 * max(shape) ** 0.5
            for p, u in zip(params, update):
                p.mul_(1 - lr * self.wd).sub_(u, alpha=lr * scale)

    def zero_grad(self, set_to_none=True):
        for params in self.groups.values():
            for p in params:
                p.grad = None


class Optimizers:
    """Muon for the blocks' matrices, AdamW for everything else."""

    def __init__(self, modules, lr):
        named = [(n, p) for m in modules for n, p in m.named_parameters() if p.requires_grad]
        inner = lambda n, p: p.ndim == 2 and 'transformer_blocks.' in n and '.norm' not in n
        self.all = [Muon([p for n, p in named if inner(n, p)], lr), adamw([p for n, p in named if not inner(n, p)], lr)]
        self.param_groups = [g for o in self.all for g in o.param_groups]

    def step(self):
        for o in self.all:
            o.step()

    def zero_grad(self, set_to_none=True):
        for o in self.all:
            o.zero_grad(set_to_none)


def set_lr(opt, lr):
    for g in opt.param_groups:
        g['lr'] = lr


def compiled(args, modules, classes):
    """Compiles the forward of every submodule of the given classes; one graph serves equal shapes."""
    if args.compile and DEVICE == 'cuda':
        for root in modules:
            for m in root.modules():
                if isinstance(m, classes):
                    m.forward = torch.compile(m.forward, dynamic=False)


def half(state):
    """State dict with floating tensors rounded to bf16, on the CPU."""
    return {k: (v.detach().to(torch.bfloat16) if v.dtype.is_floating_point else v.detach()).cpu().clone().contiguous() for k, v in state.items()}


def load(module, path, key):
    state = torch.load(path, map_location='cpu')[key]
    module.load_state_dict({k: v.float() if v.dtype.is_floating_point else v for k, v in state.items()})
    return module.to(DEVICE)


def sheet(images, columns, path, size=None):
    """[N,3,H,W] in [-1,1] -> one image file."""
    from PIL import Image
    a = ((images.float().clamp(-1, 1) / 2 + 0.5) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    rows = [np.concatenate(list(a[i:i + columns]) + [np.zeros_like(a[0])] * (columns - len(a[i:i + columns])), 1) for i in range(0, len(a), columns)]
    im = Image.fromarray(np.concatenate(rows, 0))
    if size:
        im = im.resize((columns * size, len(rows) * size), Image.LANCZOS)
    im.save(path, quality=90)


NAMES = {torch.float32: 'F32', torch.bfloat16: 'BF16', torch.int64: 'I64', torch.uint8: 'U8', torch.int32: 'I32'}


def save_safetensors(path, tensors):
    """Minimal safetensors writer; parameter order by dtype size and name, header padded to 8 bytes."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    header, blobs, at = {'__metadata__': {'format': 'pt'}}, [], 0
    for k in sorted(tensors, key=lambda k: (-tensors[k].element_size(), k)):
        v = tensors[k].detach().cpu().contiguous()
        raw = (v.view(torch.int16) if v.dtype == torch.bfloat16 else v).numpy().tobytes()
        header[k] = {'dtype': NAMES[v.dtype], 'shape': list(v.shape), 'data_offsets': [at, at + len(raw)]}
        at += len(raw)
        blobs.append(raw)
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as f:
        f.write(struct.pack('<Q', len(text)))
        f.write(text)
        for b in blobs:
            f.write(b)


def load_safetensors(path):
    with open(path, 'rb') as f:
        n = struct.unpack('<Q', f.read(8))[0]
        header = json.loads(f.read(n))
        body = bytearray(f.read())
    kinds = {v: k for k, v in NAMES.items()}
    out = {}
    for k, h in header.items():
        if k == '__metadata__':
            continue
        a, b = h['data_offsets']
        dtype = kinds[h['dtype']]
        raw = torch.frombuffer(body[a:b], dtype=torch.int16 if dtype == torch.bfloat16 else dtype).clone()
        out[k] = (raw.view(torch.bfloat16) if dtype == torch.bfloat16 else raw).view(h['shape'])
    return out


@contextlib.contextmanager
def eager():
    """Runs compiled modules uncompiled: odd batch sizes would compile again."""
    if DEVICE == 'cuda':
        torch.compiler.set_stance('force_eager')
    yield
    if DEVICE == 'cuda':
        torch.compiler.set_stance('default')


@torch.no_grad()
def sample(flux, txt, pooled, noise, steps, guidance, rope, infuse=None, ids=None, control=None, infuse_rope=None, scale=1.0, keep=None):
    """Euler sampler in float32 over packed noise [B,S,64]; returns packed latents (and every step's when `keep` is a list)."""
    x = noise.float()
    b = x.shape[0]
    s = sigmas(steps).to(x.device)
    g = torch.full((b,), float(guidance), device=x.device)
    one = torch.ones(b, device=x.device)
    with eager():
        for i in range(steps):
            t = s[i].expand(b)
            double = single = None
            with autocast():
                if infuse is not None:
                    double, single = infuse(x, control.expand(b, -1, -1), ids, pooled, t, one, infuse_rope)
                    double, single = [r * scale for r in double], [r * scale for r in single]
                v = flux(x, txt, pooled, t, g, rope, double, single)
            x = x + (s[i + 1] - s[i]) * v.float()
            if keep is not None:
                keep.append(x.clone())
    return x


class Latents:
    """Scalar normalisation of the VAE's latents."""

    def __init__(self, scaling, shift):
        self.scaling, self.shift = scaling, shift

    def normal(self, mean):
        return (mean - self.shift) * self.scaling

    @torch.no_grad()
    def decode(self, vae, packed, batch=64):
        out = []
        for x in packed.split(batch):
            with autocast():
                out.append(vae.decoder(unpack_latents(x) / self.scaling + self.shift).float())
        return torch.cat(out).clamp(-1, 1)
