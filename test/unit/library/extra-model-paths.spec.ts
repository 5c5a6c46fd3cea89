import { describe, expect, it } from 'vitest';
import { readExtraModelPaths } from '../../../src-main/library/extra-model-paths.js';

const FILE = '/apps/ComfyUI/extra_model_paths.yaml';
const read = (text: string, env: Record<string, string> = {}) => readExtraModelPaths(text, FILE, '/home/ada', env);

/** @source comfyanonymous/ComfyUI extra_model_paths.yaml.example, its comments removed */
const EXAMPLE = `#Rename this to extra_model_paths.yaml and ComfyUI will load it

#config for comfyui
comfyui:
     base_path: /disks/models/
     # You can use is_default to mark that these folders should be listed first
     is_default: true
     checkpoints: models/checkpoints/
     text_encoders: |
          models/text_encoders/
          models/clip/  # legacy location still supported
     diffusion_models: |
                  models/diffusion_models
                  models/unet
     vae: models/vae/

a111:
    base_path: '../stable-diffusion-webui'   # beside ComfyUI
    checkpoints: models/Stable-diffusion
    configs: models/Stable-diffusion
`;

describe('readExtraModelPaths', () => {
  it('reads the program’s own example: blocks, quotes, comments, relative and double folders', () => {
    expect(read(EXAMPLE)).toEqual({
      folders: [
        '/disks/models/models/checkpoints',
        '/disks/models/models/text_encoders',
        '/disks/models/models/clip',
        '/disks/models/models/diffusion_models',
        '/disks/models/models/unet',
        '/disks/models/models/vae',
        '/apps/stable-diffusion-webui/models/Stable-diffusion',
      ],
      unread: [],
    });
  });

  it.each<[string, string, string[]]>([
    ['a home', 'a:\n  base_path: ~/models\n  vae: vae\n', ['/home/ada/models/vae']],
    ['a variable', 'a:\n  base_path: $DISK/m\n  vae: ${SUB}/vae\n', ['/mnt/a/m/b/vae']],
    ['absolute folders below a base', 'a:\n  base_path: /m\n  vae: /other/vae\n', ['/other/vae']],
    ['no base', 'a:\n  vae: vae\n', ['/apps/ComfyUI/vae']],
    ['Windows line ends and a byte order mark', '\uFEFFa:\r\n  base_path: /m\r\n  vae: vae\r\n', ['/m/vae']],
    ['names with spaces', 'a:\n  base_path: /my models\n  vae: "my vae"\n', ['/my models/my vae']],
    ['a section that is only comments', 'a:\n#  base_path: /m\nb:\n  vae: /vae\n', ['/vae']],
    ['nothing', '', []],
  ])('reads %s', (_, text, folders) => {
    expect(read(text, { DISK: '/mnt/a', SUB: 'b' })).toEqual({ folders, unread: [] });
  });

  it('tells the lines of other forms, and reads the rest', () => {
    const text = 'a:\n  vae: [x, y]\n  clip: /clip\n  unet:\n    - /unet\nplain text\nb: value\n';
    expect(read(text)).toEqual({ folders: ['/clip'], unread: [2, 5, 6, 7] });
  });
});
