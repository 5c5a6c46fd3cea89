import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  isNumberSetting,
  SETTING_NAMES,
  SETTINGS,
  settingsOf,
  SHARED_NUMBERS,
  SHARED_SETTINGS,
  type Setting,
  type SettingValues,
} from '../../src-main/base/setting-table.js';
import { generateCommand } from '../../src-main/cli/generate-command.js';
import { chosenSettings, type SettingOptions } from '../../src-main/cli/setting-options.js';
import {
  comparisonDraftSchema,
  differingFields,
  runSettingsSchema,
  settingValue,
  type RunSettings,
} from '../../src-main/contract/generation-settings.js';
import type { PackSummary } from '../../src-main/contract/pack.js';
import { readSettingsSchema, type ReadSettings } from '../../src-main/contract/picture-metadata.js';
import type { RunDetail } from '../../src-main/contract/run.js';
import type { Pack } from '../../src-main/engine/pack/open-pack.js';
import { checkSettings } from '../../src-main/engine/pipeline/run/check-settings.js';
import type { GenerateRequest } from '../../src-main/engine/protocol.js';
import { variantTitle } from '../../src-main/contract/variant-title.js';
import { cellsOf } from '../../src-main/services/comparisons/plan-runs.js';
import { RunMaker, type RunMakerParts } from '../../src-main/services/runs/run-maker.js';
import { formatParameters, parseParameters } from '../../src-main/services/pictures/picture-metadata/a1111.js';
import { readOwnChunk, writeOwnChunk } from '../../src-main/services/pictures/picture-metadata/own-chunk.js';
import { settingColumns, settingsOfRow } from '../../src-main/store/setting-columns.js';
import { draftFromMetadata } from '../../src-renderer/logic/studio/draft-from-metadata.js';
import { draftProblems, startDraft } from '../../src-renderer/logic/studio/draft.js';
import { readFacts } from '../../src-renderer/logic/runs/run-facts.js';
import { fieldLabel } from '../../src-renderer/logic/runs/setting-name.js';

/** A value that no form and no command begins with, within every range. */
function unusual(name: Setting, i: number): number | string {
  const facts = SETTINGS[name];
  if (facts.kind === 'text') return `some ${name}`;
  if (facts.kind === 'integer') return facts.min + facts.step * (i + 5);
  return (facts.min + facts.max) / 2 + facts.step * (name === 'start' ? -1 : 1);
}

const values = Object.fromEntries(SETTING_NAMES.map((name, i) => [name, unusual(name, i)])) as SettingValues;
const settings: RunSettings = {
  ...values,
  packId: 'demo',
  provider: 'cpu',
  identityId: null,
  faceIndex: 0,
  poseId: null,
  loras: [],
  formats: { flux: '16-bit', t5: '16-bit', infusenet: 'nf4' },
};
const pack: PackSummary = {
  id: 'demo',
  name: 'Demo',
  licence: 'MIT',
  source: 'bundled',
  note: null,
  faceDetection: 'scrfd',
  modelVariants: [values.modelVariant],
  defaults: { width: 256, height: 256, steps: 8, guidance: 3.5 },
  limits: { minSize: 64, maxSize: 512, maxSteps: 50 },
  complete: true,
  bytes: 0,
  quantized: { flux: null, t5: null, infusenet: null },
  problem: null,
};
/** As the queue hands it to the engine. */
function requestOf(made: RunSettings): GenerateRequest {
  const parts = { packs: { folder: () => '' }, store: { files: { work: () => '' } }, cacheFolder: { of: () => '' } };
  return new RunMaker(parts as unknown as RunMakerParts).request({ id: 'r', settings: made } as RunDetail);
}
const other = (name: Setting): number | string => {
  const facts = SETTINGS[name];
  return facts.kind === 'text' ? 'another' : values[name] === facts.max ? facts.min : facts.max;
};

describe.each(SETTING_NAMES)('the setting %s', (name) => {
  it('is in the form, and every cell that is made of it', () => {
    const { prompt, seed, formats, ...shared } = settings;
    const draft = { ...shared, prompts: [prompt], seeds: [seed], variants: [formats], repeats: 1 };
    const parsed = comparisonDraftSchema.parse(draft);
    expect(parsed).toEqual(draft);
    expect(cellsOf(parsed)[0]?.settings[name]).toBe(values[name]);
    expect(runSettingsSchema.safeParse({ ...settings, [name]: undefined }).success).toBe(false);
    if (SETTINGS[name].shared) expect(startDraft(pack, 'cpu')).toHaveProperty(name);
  });

  it('has a control in the studio and a name on the page', () => {
    const folder = 'src-renderer/features/studio';
    const sources = readdirSync(folder).map((file) => readFileSync(`${folder}/${file}`, 'utf8'));
    const field = SETTINGS[name].shared ? name : `${name}s`;
    const control = new RegExp(String.raw`(name="${field}"|side\('${field}'\)|draft\.${field}\b)`);
    expect(sources.some((source) => control.test(source))).toBe(true);
    expect(fieldLabel(name)).toMatch(/^[A-Z]/);
  });

  it('is in the request for the engine', () => {
    expect(requestOf(settings)[name]).toBe(values[name]);
  });

  it('has a column of its own', () => {
    const columns = settingColumns(settings);
    expect(columns.filter(([column]) => column === SETTINGS[name].column)).toHaveLength(1);
    expect(settingsOfRow(Object.fromEntries(columns))[name]).toBe(values[name]);
  });

  it('is read back from our chunk and from the common text of a picture', () => {
    const result = {
      ...{
        phases: [],
        stepSeconds: [],
        computeDtype: 'f32' as const,
        weightHashes: {},
        weightTypes: {},
        keepList: [],
        versions: {},
      },
      ...{ pixelHash: '', previewSteps: [], weightPlaces: null, spill: null, faceScores: [], secondEncoder: null },
      decode: { mode: 'whole' as const, tiles: 1, reason: 'fits' as const, wholeBytes: 1, freeBytes: null },
    };
    const made = { runId: 'r', settings, loraHashes: [], packName: 'Demo', appVersion: '1', result };
    const chunk = writeOwnChunk({ ...made, identityScore: null, totalSeconds: 1 });
    expect(readOwnChunk(chunk)?.[name]).toBe(values[name]);
    expect(readSettingsSchema.shape).toHaveProperty(name);
    expect(parseParameters(formatParameters(settings, 'Demo', '1'))?.settings[name]).toBe(values[name]);

    const without = JSON.parse(chunk) as Record<string, unknown>;
    delete without[name];
    const { shared, initial } = SETTINGS[name];
    const older = readOwnChunk(JSON.stringify(without));
    expect(older?.[name]).toBe(shared && initial !== null ? initial : undefined);
  });

  it('is an option of the command line', () => {
    const command = generateCommand();
    const argv = SETTING_NAMES.flatMap((each) => [`--${SETTINGS[each].flag}`, String(values[each])]);
    command.parseOptions(argv);
    const variants = new Map([['first', '']]);
    const chosen = (given: SettingOptions) => chosenSettings(given, { ...pack, variants } as unknown as Pack);
    expect(chosen(command.opts<SettingOptions>())[name]).toBe(values[name]);
    // Left out, it is the pack's or the table's.
    const left = generateCommand();
    left.parseOptions(['--prompt', 'x']);
    const { initial } = SETTINGS[name];
    if (name !== 'prompt' && initial !== null) expect(chosen(left.opts<SettingOptions>())[name]).toBe(initial);
    expect(chosen(left.opts<SettingOptions>())[name]).toBeDefined();
  });

  it('tells two runs apart, and names a variant that it makes', () => {
    const changed = { ...settings, [name]: other(name) };
    const [field, ...more] = differingFields(settings, changed);
    expect(more).toEqual([]);
    expect(field).toBe(name === 'width' || name === 'height' ? 'size' : name);
    if (field === undefined || !SETTINGS[name].shared) return;
    expect(variantTitle(changed, settings)).toContain(
      `${field === 'size' ? 'size' : SETTINGS[name].name} ${settingValue(changed, field)}`,
    );
  });
});

const read: ReadSettings = {
  ...settingsOf(values),
  ...{ negativePrompt: null, provider: null, packName: null, formats: null, loras: null },
};

describe.each(SHARED_SETTINGS)('the shared setting %s', (name) => {
  it('is told of a picture and taken into the form', () => {
    const label = name === 'width' || name === 'height' ? 'Size' : fieldLabel(name);
    expect(readFacts(read).find((fact) => fact.label === label)?.value).toContain(String(values[name]));
    expect(draftFromMetadata(startDraft(pack, 'cpu'), read, pack).draft[name]).toBe(values[name]);
  });
});

describe.each(SHARED_NUMBERS)('the shared number %s', (name) => {
  it('is refused outside its range by form, schema and engine', () => {
    const draft = { ...startDraft(pack, 'cpu'), prompts: ['x'], [name]: SETTINGS[name].max + 16 * SETTINGS[name].step };
    expect(draftProblems(draft, pack)[name]).toContain(fieldLabel(name));
    expect(comparisonDraftSchema.safeParse(draft).success).toBe(false);
  });
});

describe.each(SETTING_NAMES.filter(isNumberSetting))('the number %s', (name) => {
  it('is refused by the engine and by the command line, with its name', () => {
    const limits = { minSize: 64, maxSize: 512, maxSteps: 50 };
    const request = requestOf(settings);
    expect(() => checkSettings(request, { limits })).not.toThrow();
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
      expect(() => checkSettings({ ...request, [name]: wrong }, { limits })).toThrow(`"${SETTINGS[name].name}"`);
    }
    const command = generateCommand()
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    const flag = `--${SETTINGS[name].flag}`;
    expect(() => command.parseOptions([flag, '-1'])).toThrow(`${flag} is a`);
  });
});
