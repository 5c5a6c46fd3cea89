/** LoRA files: importing, listing, and finding them from a picture. */
export const loras = {
  'loras.title': 'LoRAs',
  'loras.about':
    'Files added to FLUX before its weights are converted. Drop one here or on the studio; each is checked first.',
  'loras.none': 'No LoRA yet.',
  'loras.choose': 'Choose a file…',
  'loras.facts': { one: '{bytes}, {count} layer of FLUX', other: '{bytes}, {count} layers of FLUX' },
  'loras.forget': 'Forget',
  'loras.forget-one': 'Forget {name}',
  'loras.drop': 'Drop the LoRA to add it',
  'loras.taking': 'Importing {name}: {done} of {total}',
  'loras.checking': 'Checking {name}…',
  'loras.stop': 'Stop',
  'loras.added': 'Added {name}.',
  'loras.left-out': {
    one: '{name}: {count} tensor of a text encoder or an embedding is left out; the rest is added to FLUX.',
    other: '{name}: {count} tensors of text encoders or embeddings are left out; the rest is added to FLUX.',
  },
  'loras.no-config': '{name}: the adapter_config.json with its alpha is missing, so alpha is taken as the rank.',
  'loras.forgotten': 'Forgot {name}.',
  'loras.no-hash':
    'The file names the LoRA {name} (weight {weight}) without its checksum. Add it by hand if you have the right one.',
  'loras.not-here':
    'The LoRA {name} (weight {weight}, sha256 {hash}…) is missing here. Drop its file on the studio, then read the picture again.',
  'loras.too-much':
    'The LoRA {name} (weight {weight}) was left out: at most {count} LoRAs with weights up to {limit} can be used.',
} as const;
