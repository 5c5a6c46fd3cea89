"""Random stand-ins for every stage's inputs: tries the later stages for two steps and fills the compiler's cache while stage 1 runs."""
import os
import subprocess
import sys

import torch

import models as M
from common import ATTRIBUTES, half


def main(data, work):
    here = os.path.dirname(os.path.abspath(__file__))
    os.makedirs(work, exist_ok=True)
    fake = os.path.join(work, 'data')
    os.makedirs(fake, exist_ok=True)
    for name in ('train', 'heldout'):
        if not os.path.islink(os.path.join(fake, name)):
            os.symlink(os.path.join(data, 'heldout'), os.path.join(fake, name))
    put = lambda name, value: torch.save(value, os.path.join(work, name))
    put('vae.pt', {'vae': half(M.Vae().state_dict()), 'shift': 0.1, 'scaling': 0.5, 'steps': 0})
    open(os.path.join(work, 'vae.json'), 'w').write('{}')
    put('face.pt', {'face': half(M.FaceNet().state_dict()), 'figures': {}})
    put('judge.pt', {'judge': half(M.Judge({k: len(v) for k, v in ATTRIBUTES.items()}).state_dict()), 'figures': {}})
    for name in ('train', 'heldout'):
        put(f'latents-{name}.pt', torch.randn(2400, 16, 32, 32).to(torch.bfloat16))
        put(f'faces-{name}.pt', torch.nn.functional.normalize(torch.randn(2400, 512)).half())
    common = ['--data', fake, '--work', work, '--out', os.path.join(work, 'out')]
    run = lambda *a: subprocess.run([sys.executable, *a], cwd=here, check=True)
    run('prepare_text.py', fake, work, '1')
    run('train_base.py', *common, '--max_steps', '3')
    run('distil_guidance.py', *common, '--max_steps', '3')
    run('train_infusenet.py', *common, '--max_steps', '3')
    run('evaluate.py', *common, '--prompts', '6', '--sweep', '0')
    run('export.py', '--work', work, '--pack', os.path.join(work, 'pack'))


main(sys.argv[1], sys.argv[2])
