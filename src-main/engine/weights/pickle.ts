/**
 * A restricted unpickler: builds plain data, and calls only functions of its host. Pure; it never looks up names itself,
 * so nothing outside the host's allow-list can run. The contents are hostile input.
 *
 * @source CPython Lib/pickletools.py, the opcodes of protocols 2 to 5 that `torch.save` emits
 */
import { AppError } from '../../base/app-error.js';
import {
  PickleDict,
  PickleGlobal,
  PickleList,
  PickleTuple,
  type PickleHost,
  type PickleValue,
} from './pickle-values.js';
import { malformed, quoted } from './weights-error.js';

/**
 * Limit of opcodes per pickle: some forty make a tensor, FLUX's 1160 would take 50 thousand. Each can make one small
 * object, so this also bounds a hostile pickle's memory (about 150 MB).
 */
const MAX_OPS = 500_000;

/** Size limit of a whole number; torch's magic number has 10 bytes. */
const MAX_LONG_BYTES = 16;

/** Supported pickle protocols; torch writes 2 by default. */
const PROTOCOLS = [2, 3, 4, 5];

function forbidden(file: string, what: string): AppError {
  return new AppError('weights.forbidden-pickle', `The weights file ${file} asks for ${what}, which is not allowed.`, {
    remedy:
      'Files of this kind can run programs, so only plain tensors are read from them. Get the weights as safetensors, or from the original source.',
    details: { file, asked: what },
  });
}

/**
 * @param bytes may continue after the pickle
 * @param start of the pickle in `bytes`
 * @returns the value and the pickle's end; undefined when `bytes` ends before it
 * @throws AppError weights.malformed, weights.forbidden-pickle
 */
export function unpickle(
  bytes: Uint8Array,
  start: number,
  host: PickleHost,
): { readonly value: PickleValue; readonly end: number } | undefined {
  const machine = new Unpickler(bytes, start, host);
  try {
    return { value: machine.run(), end: machine.position };
  } catch (error) {
    if (error instanceof EndOfBytes) return undefined;
    throw error;
  }
}

class EndOfBytes extends Error {}

class Unpickler {
  position: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #host: PickleHost;
  readonly #stack: PickleValue[] = [];
  /** Stack heights at the open marks. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();

  constructor(bytes: Uint8Array, start: number, host: PickleHost) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = start;
    this.#host = host;
  }

  run(): PickleValue {
    if (this.#u8() !== 0x80 || !PROTOCOLS.includes(this.#u8())) {
      throw this.#malformed('does not contain a pickle of protocol 2 to 5');
    }
    for (let count = 0; count < MAX_OPS; count++) {
      const op = this.#u8();
      if (op === 0x2e) return this.#pop(); // STOP
      this.#execute(op);
    }
    throw this.#malformed(`contains a pickle of more than ${MAX_OPS} steps`);
  }

  #execute(op: number): void {
    switch (op) {
      case 0x95: // FRAME: only a hint for readers
        this.#u64();
        return;
      case 0x28: // MARK
        this.#marks.push(this.#stack.length);
        return;
      case 0x30: // POP: an open mark counts as an item
        if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
        else this.#pop();
        return;
      case 0x31: // POP_MARK
        this.#popMark();
        return;
      case 0x32: // DUP
        this.#stack.push(this.#peek());
        return;
      case 0x4e: // NONE
        this.#stack.push(null);
        return;
      case 0x88: // NEWTRUE
        this.#stack.push(true);
        return;
      case 0x89: // NEWFALSE
        this.#stack.push(false);
        return;
      case 0x4b: // BININT1
        this.#stack.push(this.#u8());
        return;
      case 0x4d: // BININT2
        this.#stack.push(this.#view.getUint16(this.#take(2), true));
        return;
      case 0x4a: // BININT
        this.#stack.push(this.#view.getInt32(this.#take(4), true));
        return;
      case 0x8a: // LONG1
        this.#stack.push(this.#long(this.#u8()));
        return;
      case 0x8b: // LONG4
        this.#stack.push(this.#long(this.#u32()));
        return;
      case 0x47: // BINFLOAT
        this.#stack.push(this.#view.getFloat64(this.#take(8), false));
        return;
      case 0x55: // SHORT_BINSTRING
      case 0x8c: // SHORT_BINUNICODE
        this.#stack.push(this.#text(this.#u8()));
        return;
      case 0x54: // BINSTRING
      case 0x58: // BINUNICODE
        this.#stack.push(this.#text(this.#u32()));
        return;
      case 0x8d: // BINUNICODE8
        this.#stack.push(this.#text(this.#u64()));
        return;
      case 0x43: // SHORT_BINBYTES
        this.#stack.push(this.#slice(this.#u8()));
        return;
      case 0x42: // BINBYTES
        this.#stack.push(this.#slice(this.#u32()));
        return;
      case 0x8e: // BINBYTES8
        this.#stack.push(this.#slice(this.#u64()));
        return;
      case 0x5d: // EMPTY_LIST
        this.#stack.push(new PickleList());
        return;
      case 0x7d: // EMPTY_DICT
        this.#stack.push(new PickleDict());
        return;
      case 0x29: // EMPTY_TUPLE
        this.#stack.push(new PickleTuple([]));
        return;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        this.#stack.push(new PickleTuple(this.#popMany(op - 0x84)));
        return;
      case 0x74: // TUPLE
        this.#stack.push(new PickleTuple(this.#popMark()));
        return;
      case 0x61: // APPEND
        this.#append([this.#pop()]);
        return;
      case 0x65: // APPENDS
        this.#append(this.#popMark());
        return;
      case 0x73: // SETITEM
        this.#setItems(this.#popMany(2));
        return;
      case 0x75: // SETITEMS
        this.#setItems(this.#popMark());
        return;
      case 0x71: // BINPUT
        this.#memo.set(this.#u8(), this.#peek());
        return;
      case 0x72: // LONG_BINPUT
        this.#memo.set(this.#u32(), this.#peek());
        return;
      case 0x94: // MEMOIZE
        this.#memo.set(this.#memo.size, this.#peek());
        return;
      case 0x68: // BINGET
        this.#get(this.#u8());
        return;
      case 0x6a: // LONG_BINGET
        this.#get(this.#u32());
        return;
      case 0x63: // GLOBAL
        this.#stack.push(this.#global(this.#line(), this.#line()));
        return;
      case 0x93: // STACK_GLOBAL
        this.#stackGlobal();
        return;
      case 0x69: // INST: a global and a call in one
        this.#stack.push(this.#call(this.#global(this.#line(), this.#line()), new PickleTuple(this.#popMark())));
        return;
      case 0x52: // REDUCE
      case 0x81: // NEWOBJ
        this.#reduce();
        return;
      case 0x62: // BUILD
        this.#build();
        return;
      case 0x51: // BINPERSID
        this.#stack.push(this.#host.persistentLoad(this.#pop()));
        return;
      case 0x82: // EXT1
      case 0x83: // EXT2
      case 0x84: // EXT4
        throw forbidden(this.#host.file, 'a class by a number of the extension registry');
      default:
        throw this.#malformed(`contains a pickle with the opcode 0x${op.toString(16)}, which torch does not write`);
    }
  }

  #stackGlobal(): void {
    const [module, name] = this.#popMany(2);
    if (typeof module !== 'string' || typeof name !== 'string') {
      throw this.#malformed('names a class in its pickle by something that is not text');
    }
    this.#stack.push(this.#global(module, name));
  }

  #global(module: string, name: string): PickleGlobal {
    const found = this.#host.findGlobal(module, name);
    if (found === undefined) throw forbidden(this.#host.file, quoted(`${module}.${name}`));
    return found;
  }

  #reduce(): void {
    const [callable, args] = this.#popMany(2);
    this.#stack.push(this.#call(callable, args));
  }

  #call(callable: PickleValue | undefined, args: PickleValue | undefined): PickleValue {
    if (!(callable instanceof PickleGlobal) || callable.call === undefined) {
      throw forbidden(
        this.#host.file,
        callable instanceof PickleGlobal ? `a call of ${callable.qualifiedName}` : 'a call of something it made itself',
      );
    }
    if (!(args instanceof PickleTuple)) throw this.#malformed('calls a function in its pickle without arguments');
    return callable.call(args.items);
  }

  /** Only an `OrderedDict` may have state: its attributes (torch's `_metadata`), which contain no tensors. */
  #build(): void {
    const state = this.#pop();
    const target = this.#peek();
    if (!(target instanceof PickleDict) || !(state instanceof PickleDict)) {
      throw forbidden(this.#host.file, 'setting the state of an object');
    }
  }

  #append(items: readonly PickleValue[]): void {
    const list = this.#peek();
    if (!(list instanceof PickleList)) throw this.#malformed('appends to something that is not a list in its pickle');
    for (const item of items) list.items.push(item);
  }

  #setItems(items: readonly PickleValue[]): void {
    const dict = this.#peek();
    if (!(dict instanceof PickleDict) || items.length % 2 !== 0) {
      throw this.#malformed('sets items of something that is not a dict in its pickle');
    }
    for (let i = 0; i < items.length; i += 2) {
      dict.map.set(items[i] as PickleValue, items[i + 1] as PickleValue);
    }
  }

  #get(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#malformed(`recalls value ${index} in its pickle before storing it`);
    this.#stack.push(value);
  }

  #long(length: number): number | bigint {
    if (length > MAX_LONG_BYTES) throw this.#malformed(`contains a whole number of ${length} bytes in its pickle`);
    let value = 0n;
    const bytes = this.#slice(length);
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
    const signed = BigInt.asIntN(length * 8, value);
    const number = Number(signed);
    return Number.isSafeInteger(number) ? number : signed;
  }

  #text(length: number): string {
    const bytes = this.#slice(length);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw this.#malformed('contains text that is not UTF-8 in its pickle', cause);
    }
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.position);
    if (end < 0) throw new EndOfBytes();
    const text = this.#text(end - this.position);
    this.position++;
    return text;
  }

  #slice(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  #u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  #u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  #u64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true));
  }

  /** Advances by `length` bytes. @returns their start */
  #take(length: number): number {
    const start = this.position;
    if (length > this.#bytes.byteLength - start) throw new EndOfBytes();
    this.position = start + length;
    return start;
  }

  #peek(): PickleValue {
    const floor = this.#marks.at(-1) ?? 0;
    if (this.#stack.length <= floor) throw this.#malformed('uses a missing value in its pickle');
    return this.#stack.at(-1) as PickleValue;
  }

  #pop(): PickleValue {
    const value = this.#peek();
    this.#stack.pop();
    return value;
  }

  #popMany(count: number): PickleValue[] {
    const floor = this.#marks.at(-1) ?? 0;
    if (this.#stack.length - count < floor) throw this.#malformed('uses a missing value in its pickle');
    return this.#stack.splice(this.#stack.length - count);
  }

  #popMark(): PickleValue[] {
    const height = this.#marks.pop();
    if (height === undefined) throw this.#malformed('closes a group in its pickle that was not opened');
    return this.#stack.splice(height);
  }

  #malformed(problem: string, cause?: unknown): AppError {
    return malformed(this.#host.file, `${problem} (byte ${this.position}).`, cause);
  }
}
