import { describe, expect, it } from 'vitest';
import { AppError } from '../../../../src-main/base/app-error.js';
import { unpickle } from '../../../../src-main/engine/weights/pickle.js';
import {
  PickleDict,
  PickleList,
  PickleTuple,
  type PickleValue,
} from '../../../../src-main/engine/weights/pickle-values.js';
import { torchEntries, TorchHost } from '../../../../src-main/engine/weights/torch-objects.js';

const text = (value: string) => Buffer.from(value, 'latin1');
const global = (module: string, name: string) => `c${module}\n${name}\n`;
const unicode = (value: string) => `X${String.fromCharCode(value.length)}\0\0\0${value}`;

/** The opcodes as text, after protocol 2's mark. */
const load = (opcodes: string) => unpickle(text(`\x80\x02${opcodes}`), 0, new TorchHost('memory.bin'));

function failure(opcodes: string): AppError {
  try {
    load(opcodes);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  return expect.fail('no error');
}

describe('plain values', () => {
  // Written by CPython: pickle.dumps(value, 2).
  it.each<[string, string, PickleValue]>([
    ['None', 'N.', null],
    ['True', '\x88.', true],
    ['255', 'K\xff.', 255],
    ['65535', 'M\xff\xff.', 65535],
    ['-1', 'J\xff\xff\xff\xff.', -1],
    ['2**31', '\x8a\x05\x00\x00\x00\x80\x00.', 2 ** 31],
    ['-2**40', '\x8a\x06\x00\x00\x00\x00\x00\xff.', -(2 ** 40)],
    ['2**63', '\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00.', 2n ** 63n],
    ['0.15625', 'G?\xc4\x00\x00\x00\x00\x00\x00.', 0.15625],
    ['"é"', 'X\x02\x00\x00\x00\xc3\xa9q\x00.', 'é'],
  ])('%s', (_, opcodes, expected) => {
    expect(load(opcodes)?.value).toBe(expected);
  });

  it('lists, tuples and dicts, shared through the memo', () => {
    const value = load(`}q\0(${unicode('a')}]q\x01(K\x01K\x02e${unicode('b')}h\x01K\x03\x85\x86u.`)?.value;
    if (!(value instanceof PickleDict)) return expect.fail('not a dict');
    const list = value.map.get('a');
    expect(list instanceof PickleList && list.items).toEqual([1, 2]);
    const pair = value.map.get('b');
    expect(pair instanceof PickleTuple && pair.items[0] === list).toBe(true);
  });

  it('ends where the pickle ends, and says when the bytes end first', () => {
    const bytes = text('\x80\x02K\x07.trailing');
    expect(unpickle(bytes, 0, new TorchHost('f'))).toEqual({ value: 7, end: 5 });
    for (let length = 0; length < 5; length++) {
      expect(unpickle(bytes.subarray(0, length), 0, new TorchHost('f'))).toBeUndefined();
    }
  });
});

describe('nothing outside the allow-list', () => {
  it.each([
    ['os.system by GLOBAL', `${global('os', 'system')}${unicode('id')}\x85R.`, 'os.system'],
    ['posix.system', `${global('posix', 'system')}.`, 'posix.system'],
    ['builtins.eval by STACK_GLOBAL', `${unicode('builtins')}${unicode('eval')}\x93.`, 'builtins.eval'],
    ['a class by INST', '(ios\nsystem\n.', 'os.system'],
    [
      'a dotted name',
      `${unicode('collections')}${unicode('OrderedDict.__init__')}\x93.`,
      'collections.OrderedDict.__init__',
    ],
    [
      'a module that joins to an allowed name',
      `${unicode('torch')}${unicode('_utils._rebuild_tensor_v2')}\x93.`,
      '_rebuild',
    ],
    ['torch functions', `${global('torch', 'load')}.`, 'torch.load'],
    [
      'torch.storage._load_from_bytes',
      `${global('torch.storage', '_load_from_bytes')}.`,
      'torch.storage._load_from_bytes',
    ],
    ['a name made to look like a storage', `${global('torch', 'hub.Storage')}.`, 'torch.hub.Storage'],
    ['the extension registry', '\x82\x01.', 'extension registry'],
    ['a call of a class that is only named', `${global('torch', 'FloatStorage')})R.`, 'a call of torch.FloatStorage'],
    ['a call of a value', `K\x01)R.`, 'a call of something it made itself'],
    ['a class made by NEWOBJ', `${global('torch', 'Tensor')})\x81.`, 'a call of torch.Tensor'],
    ['state for an object that is no dict', `]}b.`, 'setting the state'],
  ])('refuses %s', (_, opcodes, asked) => {
    const error = failure(opcodes);
    expect(error.code).toBe('weights.forbidden-pickle');
    expect(error.message).toContain(asked);
    expect(error.remedy).toContain('safetensors');
  });

  it('does not let one rebuild call another without end', () => {
    const from = global('torch._tensor', '_rebuild_from_type_v2');
    const type = global('torch', 'Tensor');
    expect(failure(`${from}(${from}${type})NtR.`).code).toBe('weights.malformed');
  });
});

describe('damaged pickles', () => {
  it.each([
    ['an empty stack', 'R.', /missing value/],
    ['an unopened group', 't.', /not opened/],
    ['a group that takes what lies under its mark', 'K\x01(\x85.', /missing value/],
    ['an unknown memo', 'h\x05.', /recalls value 5/],
    ['an opcode torch does not write', 'F1.5\n.', /opcode 0x46/],
    ['a number of 255 bytes', `\x8a\xff${'\0'.repeat(255)}.`, /whole number of 255 bytes/],
    ['text that is not UTF-8', 'X\x01\0\0\0\xff.', /UTF-8/],
    ['items for a list', ']K\x01K\x02s.', /not a dict/],
    ['an odd number of items', '}(K\x01u.', /not a dict/],
    ['a storage that is no tuple', 'K\x01Q.', /not a storage/],
    ['endless work', 'N0'.repeat(300_000), /more than 500000 steps/],
  ])('%s', (_, opcodes, message) => {
    expect(failure(opcodes).message).toMatch(message);
  });

  it('of other protocols', () => {
    expect(() => unpickle(text('(S"id"\nios\nsystem\n.'), 0, new TorchHost('f'))).toThrow(/protocol 2 to 5/);
  });
});

describe('state dicts', () => {
  const storage = (key: string, count: number, type = 'FloatStorage') =>
    `(${unicode('storage')}${global('torch', type)}${unicode(key)}${unicode('cpu')}K${String.fromCharCode(count)}tQ`;
  const tensor = (stored: string, offset: number, size: string, stride: string) =>
    `${global('torch._utils', '_rebuild_tensor_v2')}(${stored}K${String.fromCharCode(offset)}${size}${stride}\x89NtR`;

  const entries = (opcodes: string) => {
    const result = load(opcodes);
    return torchEntries(result?.value ?? null, 'memory.bin', () => ({ byteOffset: 100, byteLength: 0 }));
  };

  it('place a view in its storage', () => {
    const opcodes = `}${unicode('w')}${tensor(storage('0', 12), 4, 'K\x02K\x03\x86', 'K\x03K\x01\x86')}s.`;
    expect(entries(opcodes).get('w')).toMatchObject({ shape: [2, 3], byteOffset: 116, byteLength: 24 });
  });

  it.each([
    [
      'a tensor beyond its storage',
      tensor(storage('0', 12), 7, 'K\x06\x85', 'K\x01\x85'),
      /element 7 of a storage of 12/,
    ],
    ['gaps', tensor(storage('0', 12), 0, 'K\x03\x85', 'K\x02\x85'), /strides \[2\]/],
    ['a repeated element', tensor(storage('0', 12), 0, 'K\x03\x85', 'K\x00\x85'), /strides \[0\]/],
    ['a stride too few', tensor(storage('0', 12), 0, 'K\x02K\x03\x86', 'K\x01\x85'), /tensor wrongly/],
    ['a size that is no tuple', tensor(storage('0', 12), 0, 'K\x03', 'K\x01\x85'), /not a tuple/],
    ['a negative size', tensor(storage('0', 12), 0, 'J\xff\xff\xff\xff\x85', 'K\x01\x85'), /not a tuple/],
    ['a dtype nobody needs', tensor(storage('0', 1, 'ComplexFloatStorage'), 0, ')', ')'), /torch\.ComplexFloatStorage/],
    [
      'one storage described in two ways',
      `${tensor(storage('0', 12), 0, ')', ')')}s${unicode('v')}${tensor(storage('0', 13), 0, ')', ')')}`,
      /two different ways/,
    ],
  ])('refuse %s', (_, value, message) => {
    expect(() => entries(`}${unicode('w')}${value}s.`)).toThrow(message);
  });

  it('refuse dicts that contain themselves, and dicts that double at every level', () => {
    expect(() => entries(`}q\0${unicode('a')}h\0s.`)).toThrow(/more than 16 deep/);
    const doubling = Array.from({ length: 40 }, () => `q\0}(${unicode('a')}h\0${unicode('b')}h\0u`);
    expect(() => entries(`}${doubling.join('')}.`)).toThrow(/values|deep/);
    const wide = Array.from({ length: 14 }, () => `q\0](${'h\0'.repeat(20)}e`);
    expect(() => entries(`]${wide.join('')}q\0}${unicode('a')}h\0s.`)).toThrow(/more than 1000000 values/);
  });

  it('refuse two tensors of one name, and contents without tensors', () => {
    const one = tensor(storage('0', 1), 0, ')', ')');
    expect(() => entries(`}(${unicode('a.b')}${one}${unicode('a')}}${unicode('b')}${one}su.`)).toThrow(/two tensors/);
    expect(() => entries(`}${unicode('epoch')}K\x01s.`)).toThrow(/no tensors/);
    expect(() => entries('K\x01.')).toThrow(/dict of tensors/);
  });
});
