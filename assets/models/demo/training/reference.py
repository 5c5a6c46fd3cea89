"""Float32 CPU values of every stage for one prompt and one noise, read from the exported pack: a check for other implementations.

    python reference.py --pack .. --sample ../../../samples/ada.png --target ../../../../test/fixtures/demo-reference
"""
import json
import os

import numpy as np
import torch
from PIL import Image

from common import Latents, face_crop, load_safetensors, options, pack_latents, sample, save_safetensors, sigmas, SHIFT_MU
from models import FLUX, TEXT_LENGTH, ClipText, FaceNet, Flux, InfuseNet, Resampler, T5Encoder, Vae, rope_table
from prepare_text import Tokenizers

ROWS = 40


def filled(module, state):
    state = {k: v.float() if v.dtype.is_floating_point else v for k, v in state.items()}
    missing, unexpected = module.load_state_dict(state, strict=False)
    assert not unexpected and all('num_batches' in k for k in missing), (missing, unexpected)
    return module.eval().requires_grad_(False)


def read_pack(pack):
    flux = os.path.join(pack, 'flux')
    infu = os.path.join(pack, 'infiniteyou/infu_flux_v1.0/aes_stage2')
    at = lambda *p: load_safetensors(os.path.join(*p))
    nets = dict(
        flux=filled(Flux(), at(flux, 'transformer/diffusion_pytorch_model.safetensors')), t5=filled(T5Encoder(), at(flux, 'text_encoder_2/model.safetensors')),
        clip=filled(ClipText(), at(flux, 'text_encoder/model.safetensors')), vae=filled(Vae(), at(flux, 'vae/diffusion_pytorch_model.safetensors')),
        infuse=filled(InfuseNet(), at(infu, 'InfuseNetModel/diffusion_pytorch_model.safetensors')), face=filled(FaceNet(), at(pack, 'face/arcface.safetensors')),
        resampler=filled(Resampler(), torch.load(os.path.join(infu, 'image_proj_model.bin'), map_location='cpu')['image_proj']))
    config = json.load(open(os.path.join(flux, 'vae/config.json')))
    return nets, Latents(config['scaling_factor'], config['shift_factor'])


def portrait(path):
    """RGB [1,3,256,256] in [-1,1]."""
    return torch.from_numpy(np.array(Image.open(path).convert('RGB'))).permute(2, 0, 1)[None].float() / 127.5 - 1


@torch.no_grad()
def main():
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
    args = options(pack=here, sample='', target='', steps=3, guidance=2.0, prompt='A portrait of a person laughing, in a red sweater, facing left, on a yellow background.')
    n, norm = read_pack(args.pack)
    t5_ids, clip_ids = Tokenizers()([args.prompt])
    txt, pooled = n['t5'](t5_ids), n['clip'](clip_ids)
    crop = face_crop(portrait(args.sample))
    embedding = n['face'](crop)
    ids = n['resampler'](embedding)
    mean, logvar = n['vae'].encode(torch.full((1, 3, 256, 256), -1.0))
    control = pack_latents(norm.normal(mean))
    noise = torch.randn(1, 256, 64, generator=torch.Generator().manual_seed(args.seed))
    rope, short = rope_table(TEXT_LENGTH, 16, 16, FLUX['axes'], 'cpu'), rope_table(8, 16, 16, FLUX['axes'], 'cpu')
    one = torch.ones(1)
    double, single = n['infuse'](noise, control, ids, pooled, one, one, short)
    g = one * args.guidance
    steps = []
    sample(n['flux'], txt, pooled, noise, args.steps, args.guidance, rope, n['infuse'], ids, control, short, keep=steps)
    decoded = norm.decode(n['vae'], steps[-1])
    s = sigmas(args.steps)
    values = {
        't5_input_ids': t5_ids, 'clip_input_ids': clip_ids, 't5_embeds': txt, 'clip_pooled': pooled, 'face_crop_bgr': ((crop + 1) * 127.5).round().byte(),
        'face_embedding': embedding, 'identity_tokens': ids, 'control_packed': control, 'noise_packed': noise,
        'residual_double_0': double[0][:, :ROWS], **{f'residual_single_{i}': r[:, :ROWS] for i, r in enumerate(single)},
        'velocity_step0': n['flux'](noise, txt, pooled, one, g, rope, double, single), 'velocity_step0_no_infusenet': n['flux'](noise, txt, pooled, one, g, rope),
        'latents_after_step': torch.stack(steps), 'sigmas': s, 'image_u8': ((decoded / 2 + 0.5) * 255).round().byte(),
    }
    os.makedirs(args.target, exist_ok=True)
    save_safetensors(os.path.join(args.target, 'expected.safetensors'), values)
    json.dump({'prompts': [args.prompt], 'prompt_index': 0, 'seed': args.seed, 'sample': os.path.basename(args.sample), 'width': 256, 'height': 256, 'steps': args.steps, 'guidance': args.guidance,
               'infusenet_guidance': 1.0, 'scale': 1.0, 'start': 0.0, 'end': 1.0, 'clip_len': 77, 't5_len': TEXT_LENGTH, 'mu': SHIFT_MU, 'residual_rows': ROWS,
               'control_image': 'all black, posterior mean', 'made_with': {'torch': torch.__version__}, 'dtype': 'float32', 'device': 'cpu'},
              open(os.path.join(args.target, 'expected.json'), 'w'), indent=1)


if __name__ == '__main__':
    main()
