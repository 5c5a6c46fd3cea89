/** Values of a pickle, and the host that it may call. Pure. */

export type PickleValue =
  | null
  | boolean
  | number
  /** Whole numbers beyond 2^53. */
  | bigint
  | string
  | Uint8Array
  | PickleList
  | PickleTuple
  | PickleDict
  | PickleGlobal
  | PickleObject;

export class PickleList {
  readonly kind = 'list';
  readonly items: PickleValue[] = [];
}

export class PickleTuple {
  readonly kind = 'tuple';
  readonly items: readonly PickleValue[];
  constructor(items: readonly PickleValue[]) {
    this.items = items;
  }
}

export class PickleDict {
  readonly kind = 'dict';
  readonly map = new Map<PickleValue, PickleValue>();
}

/** A class or function of the allow-list. */
export class PickleGlobal {
  readonly kind = 'global';
  readonly qualifiedName: string;
  /** Its effect; undefined for a class that is only named. */
  readonly call: ((args: readonly PickleValue[]) => PickleValue) | undefined;
  constructor(qualifiedName: string, call?: (args: readonly PickleValue[]) => PickleValue) {
    this.qualifiedName = qualifiedName;
    this.call = call;
  }
}

/** Base of the host's objects. */
export abstract class PickleObject {
  readonly kind = 'object';
}

/** Everything that a pickle may call. */
export interface PickleHost {
  /** Path of the file, for messages. */
  readonly file: string;
  /** The allowed class or function; undefined rejects it. */
  findGlobal(module: string, name: string): PickleGlobal | undefined;
  /** @throws AppError weights.malformed */
  persistentLoad(id: PickleValue): PickleValue;
}
