/** Checks settings against the limits of networks and pack, before anything is loaded. */
import { AppError } from '../../../base/app-error.js';
import { isNumberSetting, SETTING_NAMES, settingFits, settingRange, SETTINGS } from '../../../base/setting-table.js';
import type { Pack } from '../../pack/open-pack.js';
import type { GenerateRequest } from '../../protocol.js';

/** @throws AppError engine.request-invalid naming the setting, its value and the allowed range */
export function checkSettings(request: GenerateRequest, { limits }: Pick<Pack, 'limits'>): void {
  for (const name of SETTING_NAMES.filter(isNumberSetting)) {
    if (settingFits(name, request[name], limits)) continue;
    const { name: words, kind, step } = SETTINGS[name];
    const { min, max } = settingRange(name, limits);
    const what = kind === 'number' ? 'a number' : step === 1 ? 'a whole number' : `a multiple of ${step}`;
    throw new AppError(
      'engine.request-invalid',
      `The setting "${words}" is ${request[name]}, expected ${what} from ${min} to ${max} with this pack.`,
      { remedy: 'Change the setting and run again.' },
    );
  }
}
