/** The audit's rules for each network with a folder of its own. */
import { parseClipConfig } from '../graph/clip-text.js';
import { parseFluxConfig } from '../graph/flux-config.js';
import { isT5HostTensor, parseT5Config } from '../graph/t5-encoder.js';
import { parseVaeConfig } from '../graph/vae.js';
import { CLIP_BUFFERS } from '../weights/names/text-encoders.js';
import type { ComponentRules } from './audit-component.js';
import * as say from './audit-findings.js';
import { identify } from './audit-identify.js';
import { clipNeeds, fluxNeeds, infuseNetNeeds, t5Needs, vaeNeeds } from './audit-needs.js';

export const FLUX_RULES: ComponentRules = {
  part: 'flux',
  label: 'FLUX',
  identity: 'flux',
  className: { field: '_class_name', expected: 'FluxTransformer2DModel' },
  peculiarities: (config, file) => {
    if (config['guidance_embeds'] === false) return say.schnell('FLUX', file);
    const channels = config['in_channels'];
    return typeof channels === 'number' && channels !== 64 ? say.fluxTools('FLUX', file, channels) : null;
  },
  peculiarTensors: (entries, file) => {
    if (identify(entries.keys()) !== 'flux') return null;
    const guided = [...entries.keys()].some((name) => name.startsWith('time_text_embed.guidance_embedder.'));
    return guided ? null : say.schnell('FLUX', file);
  },
  needs: (config) => fluxNeeds(parseFluxConfig(config, 'FLUX config.json')),
};

export const T5_RULES: ComponentRules = {
  part: 't5',
  label: 'T5',
  identity: 't5',
  className: { field: 'architectures', expected: 'T5EncoderModel' },
  needs: (config) => t5Needs(parseT5Config(config, 'T5 config.json')),
  ignored: isT5HostTensor,
};

export const CLIP_RULES: ComponentRules = {
  part: 'clip',
  label: 'CLIP',
  identity: 'clip',
  className: { field: 'architectures', expected: 'CLIPTextModel' },
  needs: (config, entries) => {
    const root = entries.has('text_model.final_layer_norm.weight') ? 'text_model.' : '';
    return clipNeeds(parseClipConfig(config, 'CLIP config.json'), root);
  },
  ignored: (name) => CLIP_BUFFERS.some((pattern) => pattern.test(name)),
};

export const VAE_RULES: ComponentRules = {
  part: 'vae',
  label: 'The VAE',
  identity: 'vae',
  className: { field: '_class_name', expected: 'AutoencoderKL' },
  needs: (config) => vaeNeeds(parseVaeConfig(config, 'VAE config.json')),
};

export const INFUSENET_RULES: ComponentRules = {
  part: 'infusenet',
  label: 'InfuseNet',
  identity: 'infusenet',
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
