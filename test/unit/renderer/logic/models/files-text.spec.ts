import { describe, expect, it } from 'vitest';
import type { FilesPart, FilesResult, FilesSearch, MissingFiles } from '../../../../../src-main/contract/own-files';
import {
  candidateFacts,
  candidateLabel,
  filesHeadline,
  listedParts,
  missingBytes,
  missingFacts,
  searchFraction,
  searchLine,
} from '../../../../../src-renderer/logic/models/files-text';

const GIB = 2 ** 30;
const part = (key: string, change: Partial<FilesPart> = {}): FilesPart => ({
  key,
  part: key.split('/')[0] ?? key,
  variant: key.split('/')[1] ?? null,
  needed: true,
  candidates: [],
  chosen: null,
  state: 'missing',
  findings: [],
  ...change,
});
const missing = (key: string, change: Partial<MissingFiles> = {}): MissingFiles => ({
  key,
  part: key,
  variant: null,
  bytes: 2 * GIB,
  from: 'owner/name',
  gated: false,
  ...change,
});
const result = (change: Partial<FilesResult>): FilesResult => ({
  parts: [],
  missing: [],
  licences: [],
  complete: false,
  others: [],
  unfinished: [],
  isPartial: false,
  name: '',
  ...change,
});
const search = (change: Partial<FilesSearch>): FilesSearch => ({
  searchId: 's',
  status: 'running',
  places: [],
  program: null,
  folders: 0,
  found: 0,
  described: 0,
  result: null,
  error: null,
  ...change,
});
const file = { name: 'flux.gguf', path: '/m/flux.gguf', bytes: 6 * GIB, stored: 'Q4_K', usable: true, findings: [] };

describe('the line of a search', () => {
  it.each<[string, number | null, Partial<FilesSearch>]>([
    ['Starting…', null, {}],
    ['1 file so far', null, { folders: 3, found: 1 }],
    ['Reading headers: 20 of 80', 0.25, { folders: 3, found: 80, described: 20 }],
  ])('%s', (line, fraction, change) => {
    expect(searchLine(search(change))).toBe(line);
    expect(searchFraction(search(change))).toBe(fraction);
  });
});

it('the headline counts what is missing, and tells nothing found from files that do not fit', () => {
  const found = part('flux', { state: 'ok' });
  const headlines = [
    result({ complete: true }),
    result({ parts: [part('flux')], missing: [missing('flux')] }),
    result({ parts: [found], missing: [missing('t5'), missing('vae')] }),
    result({ parts: [found] }),
  ].map(filesHeadline);
  expect(new Set(headlines).size).toBe(4);
  expect(headlines[2]).toContain('2');
});

it('lists what is needed, and of the rest what was found', () => {
  const usable: Partial<FilesPart> = { candidates: [file], chosen: 0, state: 'ok' };
  const parts = [
    part('flux', usable),
    part('t5'),
    part('infusenet/aes_stage2', usable),
    part('image-projection/aes_stage2'),
    part('infusenet/sim_stage1'),
    part('recognition', { needed: false }),
  ];
  const listed = (needed: Partial<FilesPart>) =>
    listedParts(result({ parts: [...parts.slice(0, -1), part('recognition', needed)], missing: [missing('t5')] }));
  const keys = ['flux', 't5', 'infusenet/aes_stage2', 'image-projection/aes_stage2'];
  expect(listed({ needed: false }).map(({ key }) => key)).toEqual(keys);
  expect(listed({ needed: false, ...usable }).map(({ key }) => key)).toEqual([...keys, 'recognition']);
});

describe('a file’s facts', () => {
  it('are its form and size', () => {
    expect(candidateFacts(file)).toBe('Q4_K · 6.00 GiB');
    expect(candidateFacts({ stored: '16-bit', bytes: GIB })).toBe('16-bit · 1.00 GiB');
    expect(candidateLabel(file)).toContain('flux.gguf');
    expect(candidateLabel({ ...file, stored: '', bytes: 0 })).toBe('flux.gguf');
  });

  it('of a missing part: size, where from, and whether an account is needed', () => {
    expect(missingFacts(missing('vae'))).toBe('2.00 GiB from owner/name');
    expect(missingFacts(missing('vae', { gated: true }))).not.toBe(missingFacts(missing('vae')));
    expect(missingFacts(missing('vae', { from: null }))).not.toContain('GiB');
    expect(missingBytes([missing('a'), missing('b', { bytes: 1 })])).toBe(2 * GIB + 1);
  });
});
