/** Configurations on the command line: `FLUX/T5/InfuseNet` formats, separated by commas. */
import { InvalidArgumentError } from 'commander';
import { WEIGHT_FORMATS, type FormatChoice, type WeightFormat } from '../engine/protocol.js';

function isFormat(text: string | undefined): text is WeightFormat {
  return WEIGHT_FORMATS.some((format) => format === text);
}

/** @throws InvalidArgumentError */
export function parseConfigs(text: string): FormatChoice[] {
  return text.split(',').map((config) => {
    const [flux, t5, infusenet, ...rest] = config.trim().split('/');
    if (!isFormat(flux) || !isFormat(t5) || !isFormat(infusenet) || rest.length > 0) {
      throw new InvalidArgumentError(
        `"${config}" is not FLUX/T5/InfuseNet formats out of ${WEIGHT_FORMATS.join(', ')}.`,
      );
    }
    return { flux, t5, infusenet };
  });
}

export function configName({ flux, t5, infusenet }: FormatChoice): string {
  return `${flux}/${t5}/${infusenet}`;
}
