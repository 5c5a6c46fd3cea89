/** The audit's rules for each network. */
import { parseClipConfig } from '../graph/clip-text.js';
import { parseFluxConfig } from '../graph/flux-config.js';
import { isT5HostTensor, parseT5Config } from '../graph/t5-encoder.js';
import { parseVaeConfig } from '../graph/vae.js';
import type { ComponentRules } from './audit-component.js';
import * as say from './audit-findings.js';
import { clipNeeds, fluxNeeds, infuseNetNeeds, t5Needs, vaeNeeds } from './audit-needs.js';

/** Channels of FLUX.1-dev's packed latents; Canny and Depth models read 128, Fill 384. */
const FLUX_CHANNELS = 64;
/** Latent channels of its autoencoder. */
const VAE_CHANNELS = 16;

export const FLUX_RULES: ComponentRules = {
  part: 'flux',
  label: 'FLUX',
  className: { field: '_class_name', expected: 'FluxTransformer2DModel' },
  peculiarities: (config, file) => {
    if (config['guidance_embeds'] === false) return say.schnell('FLUX', file);
    const channels = config['in_channels'];
    return typeof channels === 'number' && channels !== FLUX_CHANNELS ? say.fluxTools('FLUX', file, channels) : null;
  },
  peculiarTensors: (entries, file) => {
    const shape = entries.get('x_embedder.weight')?.shape ?? [];
    const [rows] = entries.get('x_embedder.bias')?.shape ?? shape;
    if (rows !== undefined && shape[0] !== rows) return say.reshapedInput('FLUX', file, shape, rows);
    const channels = shape[1] ?? FLUX_CHANNELS;
    if (channels !== FLUX_CHANNELS) return say.fluxTools('FLUX', file, channels);
    const guided = entries.has('time_text_embed.guidance_embedder.linear_1.weight');
    return guided ? null : say.schnell('FLUX', file);
  },
  needs: (config) => fluxNeeds(parseFluxConfig(config, 'FLUX config.json')),
};

export const T5_RULES: ComponentRules = {
  part: 't5',
  label: 'T5',
  className: { field: 'architectures', expected: 'T5EncoderModel' },
  needs: (config) => t5Needs(parseT5Config(config, 'T5 config.json')),
  ignored: isT5HostTensor,
};

export const CLIP_RULES: ComponentRules = {
  part: 'clip',
  label: 'CLIP',
  className: { field: 'architectures', expected: 'CLIPTextModel' },
  needs: (config, entries) => {
    const root = entries.has('text_model.final_layer_norm.weight') ? 'text_model.' : '';
    return clipNeeds(parseClipConfig(config, 'CLIP config.json'), root);
  },
};

export const VAE_RULES: ComponentRules = {
  part: 'vae',
  label: 'The VAE',
  className: { field: '_class_name', expected: 'AutoencoderKL' },
  peculiarTensors: (entries, file) => {
    const channels = entries.get('decoder.conv_in.weight')?.shape[1] ?? VAE_CHANNELS;
    return channels === VAE_CHANNELS ? null : say.otherVae('The VAE', file, channels);
  },
  needs: (config) => vaeNeeds(parseVaeConfig(config, 'VAE config.json')),
};

export const INFUSENET_RULES: ComponentRules = {
  part: 'infusenet',
  label: 'InfuseNet',
  className: { field: '_class_name', expected: 'FluxControlNetModel', accepts: /InfuseNet/ },
  peculiarities: (config, file) => {
    if ((config['num_mode'] ?? null) !== null) return say.otherModel('InfuseNet', file, 'union-controlnet');
    if ((config['conditioning_embedding_channels'] ?? null) !== null) {
      return say.otherModel('InfuseNet', file, 'hint-controlnet');
    }
    return null;
  },
  needs: (config) => infuseNetNeeds(parseFluxConfig(config, 'InfuseNet config.json')),
};
