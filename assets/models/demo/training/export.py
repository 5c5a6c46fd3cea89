"""Writes the pack folder from the stages' checkpoints: `python export.py --work DIR --pack DIR [--guidance G --steps N]`."""
import collections
import json
import os

import torch

from common import landmarks, options, save_safetensors
from models import CLIP, FLUX, INFUSE, RESAMPLER, T5, VAE_WIDTHS

VERSION = '0.35.0'


def write(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as f:
        json.dump(value, f, indent=2)
        f.write('\n')


def transformer_config(cfg, cls, **extra):
    return {'_class_name': cls, '_diffusers_version': VERSION, 'attention_head_dim': cfg['dim'] // cfg['heads'], 'axes_dims_rope': list(cfg['axes']),
            'guidance_embeds': True, 'in_channels': 64, 'joint_attention_dim': cfg['joint'], 'num_attention_heads': cfg['heads'], 'num_layers': cfg['double'],
            'num_single_layers': cfg['single'], 'patch_size': 1, 'pooled_projection_dim': cfg['pooled'], **extra}


def main():
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
    args = options(pack=here, guidance=3.5, steps=16)
    get = lambda name: torch.load(os.path.join(args.work, name), map_location='cpu')
    student = get('student.pt') if os.path.exists(os.path.join(args.work, 'student.pt')) else get('base.pt')
    vae, face, infuse = get('vae.pt'), get('face.pt'), get('infuse.pt')
    flux = os.path.join(args.pack, 'flux')
    write(os.path.join(flux, 'model_index.json'), {
        '_class_name': 'FluxPipeline', '_diffusers_version': VERSION, 'scheduler': ['diffusers', 'FlowMatchEulerDiscreteScheduler'],
        'text_encoder': ['transformers', 'CLIPTextModel'], 'text_encoder_2': ['transformers', 'T5EncoderModel'], 'tokenizer': ['transformers', 'CLIPTokenizer'],
        'tokenizer_2': ['transformers', 'T5TokenizerFast'], 'transformer': ['diffusers', 'FluxTransformer2DModel'], 'vae': ['diffusers', 'AutoencoderKL']})
    write(os.path.join(flux, 'scheduler/scheduler_config.json'), {
        '_class_name': 'FlowMatchEulerDiscreteScheduler', '_diffusers_version': VERSION, 'base_image_seq_len': 256, 'base_shift': 0.5, 'max_image_seq_len': 4096,
        'max_shift': 1.15, 'num_train_timesteps': 1000, 'shift': 3.0, 'use_dynamic_shifting': True})
    write(os.path.join(flux, 'transformer/config.json'), transformer_config(FLUX, 'FluxTransformer2DModel', out_channels=None))
    save_safetensors(os.path.join(flux, 'transformer/diffusion_pytorch_model.safetensors'), student['flux'])
    write(os.path.join(flux, 'text_encoder/config.json'), {
        'architectures': ['CLIPTextModel'], 'attention_dropout': 0.0, 'bos_token_id': CLIP['vocab'] - 2, 'eos_token_id': CLIP['vocab'] - 1, 'dtype': 'bfloat16',
        'hidden_act': 'quick_gelu', 'hidden_size': CLIP['dim'], 'intermediate_size': CLIP['ff'], 'layer_norm_eps': 1e-05, 'max_position_embeddings': 77,
        'model_type': 'clip_text_model', 'num_attention_heads': CLIP['heads'], 'num_hidden_layers': CLIP['layers'], 'pad_token_id': CLIP['vocab'] - 1,
        'projection_dim': CLIP['dim'], 'vocab_size': CLIP['vocab']})
    save_safetensors(os.path.join(flux, 'text_encoder/model.safetensors'), student['clip'])
    write(os.path.join(flux, 'text_encoder_2/config.json'), {
        'architectures': ['T5EncoderModel'], 'd_ff': T5['ff'], 'd_kv': T5['kv'], 'd_model': T5['dim'], 'dense_act_fn': 'gelu_new', 'dropout_rate': 0.0,
        'dtype': 'bfloat16', 'eos_token_id': 1, 'feed_forward_proj': 'gated-gelu', 'is_decoder': False, 'is_encoder_decoder': False, 'is_gated_act': True,
        'layer_norm_epsilon': 1e-06, 'model_type': 't5', 'num_heads': T5['heads'], 'num_layers': T5['layers'], 'pad_token_id': 0,
        'relative_attention_max_distance': 128, 'relative_attention_num_buckets': 32, 'tie_word_embeddings': False, 'use_cache': False, 'vocab_size': T5['vocab']})
    save_safetensors(os.path.join(flux, 'text_encoder_2/model.safetensors'), student['t5'])
    write(os.path.join(flux, 'vae/config.json'), {
        '_class_name': 'AutoencoderKL', '_diffusers_version': VERSION, 'act_fn': 'silu', 'block_out_channels': list(VAE_WIDTHS), 'down_block_types': ['DownEncoderBlock2D'] * 4,
        'force_upcast': True, 'in_channels': 3, 'latent_channels': 16, 'latents_mean': None, 'latents_std': None, 'layers_per_block': 2,
        'mid_block_add_attention': True, 'norm_num_groups': 32, 'out_channels': 3, 'sample_size': 256, 'scaling_factor': vae['scaling'],
        'shift_factor': vae['shift'], 'up_block_types': ['UpDecoderBlock2D'] * 4, 'use_post_quant_conv': False, 'use_quant_conv': False})
    save_safetensors(os.path.join(flux, 'vae/diffusion_pytorch_model.safetensors'), vae['vae'])
    infu = os.path.join(args.pack, 'infiniteyou/infu_flux_v1.0/aes_stage2')
    write(os.path.join(infu, 'InfuseNetModel/config.json'), transformer_config(INFUSE, 'FluxControlNetModel', conditioning_embedding_channels=None, num_mode=None))
    save_safetensors(os.path.join(infu, 'InfuseNetModel/diffusion_pytorch_model.safetensors'), infuse['infuse'])
    torch.save({'image_proj': collections.OrderedDict(infuse['resampler'])}, os.path.join(infu, 'image_proj_model.bin'))
    keep = {k: (v.float() if 'running' in k else v) for k, v in face['face'].items() if 'num_batches' not in k}
    save_safetensors(os.path.join(args.pack, 'face/arcface.safetensors'), keep)
    write(os.path.join(args.pack, 'pack.json'), {
        'formatVersion': 1, 'name': 'Likeness Lab demo', 'licence': 'CC BY 4.0 (portrait art derived from "Avatar Illustration System" by Micah Lanier, CC BY 4.0)',
        'components': {'flux': 'flux', 'infiniteyou': 'infiniteyou/infu_flux_v1.0', 'arcface': 'face/arcface.safetensors'},
        'faceDetection': {'kind': 'centred', 'imageSize': 256, 'landmarks': [[round(x, 4), round(y, 4)] for x, y in landmarks().tolist()]},
        'defaults': {'width': 256, 'height': 256, 'steps': args.steps, 'guidance': args.guidance},
        'limits': {'minSize': 256, 'maxSize': 256, 'maxSteps': 50},
        'imageProjectionHeadSize': RESAMPLER['dim_head'],
        'note': 'Understands drawn portraits in this style, not photographs.'})
    total = sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(args.pack) for f in fs if 'training' not in os.path.relpath(d, args.pack))
    print('pack bytes', total)


main()
