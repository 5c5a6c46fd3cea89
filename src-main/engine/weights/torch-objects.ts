/**
 * The contents of `torch.save`'s pickles: the allow-list, storages, tensors, and the conversion of a state dict to
 * entries. Pure.
 *
 * @source pytorch torch/_utils.py (`_rebuild_tensor_v2`, `_rebuild_parameter`), torch/_tensor.py
 *   (`_rebuild_from_type_v2`), torch/serialization.py (`persistent_id`)
 */
import type { AppError } from '../../base/app-error.js';
import {
  PickleDict,
  PickleGlobal,
  PickleList,
  PickleObject,
  PickleTuple,
  type PickleHost,
  type PickleValue,
} from './pickle-values.js';
import { DTYPE_BYTES, elementCount, type TensorDtype, type TensorEntry } from './tensor-source.js';
import { malformed, quoted, unsupportedDtype } from './weights-error.js';

/**
 * Size limit of one pickle: a tensor takes some 200 bytes, so FLUX's 1160 would take 230 kB. A larger one is not a state
 * dict of tensors.
 */
export const MAX_PICKLE_BYTES = 16 * 2 ** 20;

/** Nesting of dicts; state dicts are wrapped once or twice. */
const MAX_DEPTH = 16;

/** Values visited while flattening: dicts that share dicts can be exponentially large. */
const MAX_VALUES = 1_000_000;

/** No network here has more than five dimensions. */
const MAX_RANK = 16;

/** Names that share long parts could together be far longer than the file; the longest known has 80 characters. */
const MAX_NAME_LENGTH = 1024;

/** As for safetensors; more do not fit the opcodes of one pickle. */
const MAX_TENSORS = 30_000;

const STORAGE_DTYPES: Readonly<Record<string, TensorDtype>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};

/** Elements that tensors share. */
export class TorchStorage extends PickleObject {
  readonly key: string;
  readonly dtype: TensorDtype;
  /** Elements of the whole storage. */
  readonly elements: number;
  constructor(key: string, dtype: TensorDtype, elements: number) {
    super();
    this.key = key;
    this.dtype = dtype;
    this.elements = elements;
  }
}

class TorchTensor extends PickleObject {
  readonly storage: TorchStorage;
  /** Elements from the start of the storage. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  constructor(storage: TorchStorage, offset: number, shape: readonly number[], strides: readonly number[]) {
    super();
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** A storage's place in the file. */
export interface StorageRange {
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Allows only torch's own classes, and collects the storages. */
export class TorchHost implements PickleHost {
  readonly file: string;
  readonly storages = new Map<string, TorchStorage>();
  readonly #globals: ReadonlyMap<string, PickleGlobal>;

  constructor(file: string) {
    this.file = file;
    const rebuildTensor = (args: readonly PickleValue[]): PickleValue => this.#rebuildTensor(args);
    const rebuildParameter = (args: readonly PickleValue[]): PickleValue => this.#rebuildParameter(args);
    const globals = [
      new PickleGlobal('collections.OrderedDict', (args) => this.#orderedDict(args)),
      new PickleGlobal('torch._utils._rebuild_tensor_v2', rebuildTensor),
      new PickleGlobal('torch._utils._rebuild_parameter', rebuildParameter),
      new PickleGlobal('torch._tensor._rebuild_from_type_v2', (args) => this.#rebuildFromType(args)),
      new PickleGlobal('torch.Tensor'),
      new PickleGlobal('torch.nn.parameter.Parameter'),
    ];
    this.#globals = new Map(globals.map((entry) => [entry.qualifiedName, entry]));
  }

  findGlobal(module: string, name: string): PickleGlobal | undefined {
    const qualifiedName = `${module}.${name}`;
    if (module === 'torch' && /^[A-Z][A-Za-z0-9]{0,40}Storage$/.test(name)) return new PickleGlobal(qualifiedName);
    // A dotted name would reach an attribute, as in "collections" + "abc.OrderedDict".
    return name.includes('.') ? undefined : this.#globals.get(qualifiedName);
  }

  /** `('storage', class, key, device, element count)`; the legacy format adds a view, which torch leaves None. */
  persistentLoad(id: PickleValue): PickleValue {
    const [tag, type, key, , elements, view] = id instanceof PickleTuple ? id.items : [];
    if (tag !== 'storage' || !(type instanceof PickleGlobal) || typeof key !== 'string' || !isCount(elements)) {
      throw malformed(this.file, 'refers to something outside its pickle that is not a storage.');
    }
    if (view !== undefined && view !== null) {
      throw malformed(this.file, `stores ${quoted(key)} as a view of another storage, which torch no longer writes.`);
    }
    const className = type.qualifiedName.slice('torch.'.length);
    const dtype = Object.hasOwn(STORAGE_DTYPES, className) ? STORAGE_DTYPES[className] : undefined;
    if (dtype === undefined) throw unsupportedDtype(this.file, `storage ${quoted(key)}`, type.qualifiedName);
    const known = this.storages.get(key);
    if (known === undefined) {
      const storage = new TorchStorage(key, dtype, elements);
      this.storages.set(key, storage);
      return storage;
    }
    if (known.dtype !== dtype || known.elements !== elements) {
      throw malformed(this.file, `describes its storage ${quoted(key)} in two different ways.`);
    }
    return known;
  }

  /** `(storage, storage_offset, size, stride, requires_grad, backward_hooks, [metadata])` */
  #rebuildTensor([storage, offset, size, stride]: readonly PickleValue[]): TorchTensor {
    const shape = this.#counts(size);
    const strides = this.#counts(stride);
    if (!(storage instanceof TorchStorage) || !isCount(offset) || shape.length !== strides.length) {
      throw malformed(this.file, 'describes a tensor wrongly in its pickle.');
    }
    return new TorchTensor(storage, offset, shape, strides);
  }

  /** `(data, requires_grad, backward_hooks)` */
  #rebuildParameter([data]: readonly PickleValue[]): TorchTensor {
    if (!(data instanceof TorchTensor)) throw malformed(this.file, 'describes a parameter that is not a tensor.');
    return data;
  }

  /** `(function, type, arguments, state)`: the function's result; type and state concern Python only. */
  #rebuildFromType([rebuild, , args]: readonly PickleValue[]): PickleValue {
    const name = rebuild instanceof PickleGlobal ? rebuild.qualifiedName : '';
    if (!(args instanceof PickleTuple)) throw malformed(this.file, 'rebuilds a tensor without arguments.');
    // Chosen here and not called through the value, which prevents nested chains of calls.
    if (name === 'torch._utils._rebuild_tensor_v2') return this.#rebuildTensor(args.items);
    if (name === 'torch._utils._rebuild_parameter') return this.#rebuildParameter(args.items);
    throw malformed(this.file, 'rebuilds a tensor by something that is not a tensor function.');
  }

  /** Empty, or Python 2's list of pairs. */
  #orderedDict(args: readonly PickleValue[]): PickleDict {
    const dict = new PickleDict();
    const [pairs] = args;
    if (pairs === undefined) return dict;
    if (!(pairs instanceof PickleList)) throw malformed(this.file, 'makes a dict from something that is not a list.');
    for (const pair of pairs.items) {
      const [key, value] = pair instanceof PickleTuple || pair instanceof PickleList ? pair.items : [];
      if (key === undefined || value === undefined) throw malformed(this.file, 'makes a dict from incomplete pairs.');
      dict.map.set(key, value);
    }
    return dict;
  }

  #counts(value: PickleValue | undefined): number[] {
    const items = value instanceof PickleTuple ? value.items : undefined;
    if (items === undefined || items.length > MAX_RANK || !items.every(isCount)) {
      throw malformed(this.file, 'gives a tensor a shape that is not a tuple of whole numbers.');
    }
    return items.filter(isCount);
  }
}

/**
 * The tensors of a state dict. Nested dicts and lists become names joined by dots; values that are not tensors (epoch
 * numbers, settings) are omitted.
 *
 * @param locate gives the place of a storage
 * @returns by name, in the order of their bytes
 * @throws AppError weights.malformed
 */
export function torchEntries(
  root: PickleValue,
  file: string,
  locate: (storage: TorchStorage) => StorageRange,
): ReadonlyMap<string, TensorEntry> {
  if (!(root instanceof PickleDict)) throw malformed(file, 'contains something other than a dict of tensors.');
  const found = new Map<string, TensorEntry>();
  let visited = 0;
  const visit = (value: PickleValue, name: string, depth: number): void => {
    if (++visited > MAX_VALUES) throw malformed(file, `contains more than ${MAX_VALUES} values.`);
    if (name.length > MAX_NAME_LENGTH) throw malformed(file, `has a name of more than ${MAX_NAME_LENGTH} characters.`);
    if (value instanceof TorchTensor) {
      if (found.has(name)) throw malformed(file, `contains two tensors named ${quoted(name)}.`);
      if (found.size === MAX_TENSORS) throw malformed(file, `contains more than ${MAX_TENSORS} tensors.`);
      found.set(name, entryOf(value, name, file, locate(value.storage)));
      return;
    }
    if (!(value instanceof PickleDict || value instanceof PickleList || value instanceof PickleTuple)) return;
    if (depth === MAX_DEPTH) throw malformed(file, `nests its contents more than ${MAX_DEPTH} deep.`);
    const items = value instanceof PickleDict ? value.map.entries() : value.items.entries();
    for (const [key, item] of items) {
      if (typeof key !== 'string' && typeof key !== 'number') throw malformed(file, 'has a key that is not text.');
      visit(item, name === '' ? String(key) : `${name}.${key}`, depth + 1);
    }
  };
  visit(root, '', 0);
  if (found.size === 0) throw malformed(file, 'contains no tensors.');
  return new Map([...found].sort(([, a], [, b]) => a.byteOffset - b.byteOffset));
}

function entryOf(tensor: TorchTensor, name: string, file: string, range: StorageRange): TensorEntry {
  const { storage, offset, shape } = tensor;
  const count = elementCount(shape);
  if (!(offset + count <= storage.elements)) {
    throw malformed(
      file,
      `places ${quoted(name)} [${shape.join(', ')}] at element ${offset} of a storage of ${storage.elements}.`,
    );
  }
  if (count > 0 && !isContiguous(tensor)) throw notContiguous(file, name, tensor);
  const size = DTYPE_BYTES[storage.dtype];
  return {
    name,
    dtype: storage.dtype,
    shape,
    file,
    byteOffset: range.byteOffset + offset * size,
    byteLength: count * size,
  };
}

/** Row-major without gaps; strides of dimensions of one are ignored. */
function isContiguous({ shape, strides }: TorchTensor): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis] as number;
  }
  return true;
}

function notContiguous(file: string, name: string, { shape, strides }: TorchTensor): AppError {
  return malformed(
    file,
    `stores ${quoted(name)} [${shape.join(', ')}] with the strides [${strides.join(', ')}]; only row-major tensors are read. ` +
      'Save it again after calling contiguous() on it.',
  );
}

function isCount(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
