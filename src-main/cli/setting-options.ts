/** Options for the settings of a picture, and the settings that follow from them and the pack. */
import { Option } from 'commander';
import {
  INITIAL_SETTINGS,
  SETTINGS,
  SETTING_NAMES,
  settingsOf,
  type Setting,
  type SettingValues,
} from '../base/setting-table.js';
import type { Pack } from '../engine/pack/open-pack.js';
import { integer, number } from './options.js';

/** Parsed options; settings with a default in the pack only where they were given. */
export type SettingOptions = Partial<SettingValues> & Pick<SettingValues, 'prompt' | 'seed'>;

/** An option whose value is stored under the setting's name instead of the flag's. */
class SettingOption extends Option {
  readonly #setting: Setting;

  constructor(setting: Setting) {
    const facts = SETTINGS[setting];
    const flag = `--${facts.flag}`;
    super(`${flag} <${facts.kind === 'text' ? 'text' : 'n'}>`);
    this.#setting = setting;
    this.description = facts.initial === null ? `${facts.help} (default: the pack's)` : facts.help;
    if (facts.kind !== 'text')
      this.argParser((facts.kind === 'integer' ? integer : number)(flag, facts.min, facts.max));
    if (facts.initial !== null) this.default(facts.initial);
  }

  override attributeName(): string {
    return this.#setting;
  }
}

/** One option per setting, without the prompt, for which each command has its own. */
export function settingOptions(settings: readonly Setting[] = SETTING_NAMES): Option[] {
  return settings.filter((name) => name !== 'prompt').map((name) => new SettingOption(name));
}

/** Settings from the options, else the pack's defaults, else the table's. */
export function chosenSettings(options: SettingOptions, pack: Pack): SettingValues {
  const [modelVariant = ''] = pack.variants.keys();
  return settingsOf({ ...INITIAL_SETTINGS, ...pack.defaults, modelVariant, ...options });
}
