/**
 * The plain settings of a generation, each listed once with its facts. Schemas, form, engine request, rows, picture
 * files, command options, reports and "identical except…" loop over this table. docs/architecture.md says how to add a
 * setting. Formats, device, photos, LoRAs and decoding are more than a number or a text and are defined elsewhere.
 */

interface CommonFacts {
  /** Name in reports. */
  readonly name: string;
  /** The command line's option (`--conditioning-scale`) and the page's text (`field.conditioning-scale`). */
  readonly flag: string;
  /** Help text of the option. */
  readonly help: string;
  /** Name in the A1111 text of pictures; null where that text has another place for it. */
  readonly label: string | null;
  /** In the store's table `runs`. */
  readonly column: string;
  /** Whether all pictures of a comparison have the same value. */
  readonly shared: boolean;
}

interface NumberFacts extends CommonFacts {
  readonly kind: 'integer' | 'number';
  readonly min: number;
  readonly max: number;
  /** Step of the control; an integer is a multiple of it. */
  readonly step: number;
  /** Value in a new form, and of pictures from before the setting existed; null: the pack's own. */
  readonly initial: number | null;
}

interface TextFacts extends CommonFacts {
  readonly kind: 'text';
  /** Characters. */
  readonly max: number;
  /** As for numbers. */
  readonly initial: string | null;
}

const integer = (min: number, max: number, step = 1) => ({ kind: 'integer', min, max, step }) as const;
const number = (min: number, max: number, step: number) => ({ kind: 'number', min, max, step }) as const;

/** Latents are packed 2×2 after an 8× VAE: sizes are multiples of 16 pixels. */
export const SIZE_STEP = 16;

/**
 * Pixels. Below 64 the face is a few latents wide and nothing can be compared. FLUX.1 was trained up to about 2
 * megapixels; 2048 on one side is the published limit.
 */
const SIDE = { ...integer(64, 2048, SIZE_STEP), label: null, shared: true, initial: null } as const;
/** Fraction of the steps. */
const FRACTION = { ...number(0, 1, 0.05), shared: true } as const;

/** In the order in which lists and labels name them. */
export const SETTINGS = {
  seed: {
    /** 32-bit, which every other tool accepts. */
    ...integer(0, 2 ** 32 - 1),
    name: 'seed',
    flag: 'seed',
    help: 'seed, 0 to 4294967295',
    label: 'Seed',
    column: 'seed',
    shared: false,
    initial: 42,
  },
  prompt: {
    kind: 'text',
    /** T5 reads 512 tokens; 4000 characters fill them in every script we know. */
    max: 4000,
    name: 'prompt',
    flag: 'prompt',
    help: 'what the picture shows',
    label: null,
    column: 'prompt',
    shared: false,
    initial: '',
  },
  steps: {
    /** More than any published FLUX.1-dev setting; keeps the per-step tables small. */
    ...integer(1, 100),
    name: 'steps',
    flag: 'steps',
    help: 'denoising steps',
    label: 'Steps',
    column: 'steps',
    shared: true,
    initial: null,
  },
  width: { ...SIDE, name: 'width', flag: 'width', help: 'width in pixels, a multiple of 16', column: 'width' },
  height: { ...SIDE, name: 'height', flag: 'height', help: 'height in pixels, a multiple of 16', column: 'height' },
  guidance: {
    /** Past this, distilled guidance only burns colours. */
    ...number(0, 20, 0.1),
    name: 'guidance',
    flag: 'guidance',
    help: 'distilled guidance',
    label: 'Distilled CFG Scale',
    column: 'guidance',
    shared: true,
    initial: null,
  },
  /** Factor of InfuseNet's residuals. */
  conditioningScale: {
    /** Residuals scaled past 2 leave the picture noise. */
    ...number(0, 2, 0.05),
    name: 'conditioning scale',
    flag: 'conditioning-scale',
    help: 'strength of InfuseNet',
    label: 'Conditioning scale',
    column: 'conditioning_scale',
    shared: true,
    initial: 1,
  },
  start: {
    ...FRACTION,
    name: 'InfuseNet start',
    flag: 'start',
    help: 'fraction of the steps at which InfuseNet begins',
    label: 'InfuseNet start',
    column: 'start_fraction',
    initial: 0,
  },
  end: {
    ...FRACTION,
    name: 'InfuseNet end',
    flag: 'end',
    help: 'fraction of the steps at which InfuseNet stops',
    label: 'InfuseNet end',
    column: 'end_fraction',
    initial: 1,
  },
  /** InfuseNet variant folder of the pack, such as `aes_stage2`. */
  modelVariant: {
    kind: 'text',
    max: 64,
    name: 'model variant',
    flag: 'variant',
    help: 'InfiniteYou variant, such as aes_stage2',
    label: 'Model variant',
    column: 'model_variant',
    shared: true,
    initial: null,
  },
} as const satisfies Readonly<Record<string, NumberFacts | TextFacts>>;

export type Setting = keyof typeof SETTINGS;
type SettingsWith<Facts> = { [S in Setting]: (typeof SETTINGS)[S] extends Facts ? S : never }[Setting];
export type NumberSetting = SettingsWith<NumberFacts>;
export type SharedSetting = SettingsWith<{ readonly shared: true }>;
/** Settings whose initial value is the pack's. */
type PackSetting = SettingsWith<{ readonly initial: null }>;

export type SettingValues = { readonly [S in Setting]: S extends NumberSetting ? number : string };

export const SETTING_NAMES = Object.keys(SETTINGS) as Setting[];
export const SHARED_SETTINGS = SETTING_NAMES.filter((name): name is SharedSetting => SETTINGS[name].shared);
export type SharedNumber = SharedSetting & NumberSetting;
export const SHARED_NUMBERS: readonly SharedNumber[] = SHARED_SETTINGS.filter(isNumberSetting);

export function isSetting(text: string): text is Setting {
  return Object.hasOwn(SETTINGS, text);
}

export function isNumberSetting<S extends Setting>(name: S): name is S & NumberSetting {
  return SETTINGS[name].kind !== 'text';
}

/** The settings among an object's values, in the table's order. */
export function settingsOf(values: SettingValues): SettingValues {
  return Object.fromEntries(SETTING_NAMES.map((name) => [name, values[name]])) as SettingValues;
}

/** Initial values of the shared settings, except those that come from the pack. */
export const INITIAL_SETTINGS = Object.fromEntries(
  SHARED_SETTINGS.flatMap((name) => (SETTINGS[name].initial === null ? [] : [[name, SETTINGS[name].initial]])),
) as Pick<SettingValues, Exclude<SharedSetting, PackSetting>>;

/** Initial values that a pack sets. */
export type PackDefaults = Pick<SettingValues, PackSetting & NumberSetting>;

export interface PackLimits {
  readonly minSize: number;
  readonly maxSize: number;
  readonly maxSteps: number;
}

/** Smallest and largest value of a setting with a pack. */
export function settingRange(name: NumberSetting, limits: PackLimits): { readonly min: number; readonly max: number } {
  switch (name) {
    case 'width':
    case 'height':
      return { min: limits.minSize, max: limits.maxSize };
    case 'steps':
      return { min: SETTINGS.steps.min, max: limits.maxSteps };
    default:
      return SETTINGS[name];
  }
}

/** Whether a value is valid for a setting with a pack. */
export function settingFits(name: NumberSetting, value: number, limits: PackLimits): boolean {
  const { kind, step } = SETTINGS[name];
  const { min, max } = settingRange(name, limits);
  return value >= min && value <= max && (kind === 'number' || Number.isInteger(value / step));
}
