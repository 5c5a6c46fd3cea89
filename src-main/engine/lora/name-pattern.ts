/**
 * PEFT's patterns of module names: regular expressions in Python's syntax, out of a file that anybody may have written.
 * Matched by sets of positions in polynomial time and with a bound on the work, since JavaScript's own expressions can
 * take forever. Pure.
 *
 * @source huggingface/peft utils/other.py, `get_pattern_key`
 */

/** Steps of all matches of one file; real patterns need a few thousand. */
const MAX_STEPS = 2_000_000;
const MAX_LENGTH = 1000;
const MAX_DEPTH = 20;

/** Thrown for a pattern that cannot be used; the message completes "the pattern … ". */
export class PatternError extends Error {}

type Test = (character: string) => boolean;
type Node =
  | { readonly type: 'one'; readonly test: Test }
  | { readonly type: 'all'; readonly items: readonly Node[] }
  | { readonly type: 'any'; readonly options: readonly Node[] }
  | { readonly type: 'repeat'; readonly item: Node; readonly min: number; readonly max: number }
  | { readonly type: 'start' | 'end' };

/** Plain names, in which a dot stands for any character, as it does there. */
const PLAIN = /^\^?[\w.]+$/;

/** The patterns of one file, which share the bound on the work. */
export class NamePatterns<T> {
  readonly #entries: readonly (readonly [pattern: string, value: T])[];
  readonly #parsed = new Map<string, Node>();
  #steps = 0;

  /** @param patterns in the dictionary's order */
  constructor(patterns: Readonly<Record<string, T>>) {
    this.#entries = Object.entries(patterns);
  }

  /**
   * The value of the first pattern that matches the whole name, or what follows one of its dots.
   * @throws PatternError
   */
  valueFor(name: string): T | undefined {
    return this.#entries.find(([pattern]) => this.#matches(pattern, name))?.[1];
  }

  #matches(pattern: string, name: string): boolean {
    if (PLAIN.test(pattern)) return matchesPlain(pattern, name);
    let node = this.#parsed.get(pattern);
    if (node === undefined) {
      node = parse(pattern);
      this.#parsed.set(pattern, node);
    }
    const starts = new Set([0]);
    for (let at = 0; at < name.length; at++) if (name[at] === '.') starts.add(at + 1);
    return this.#ends(node, name, starts).has(name.length);
  }

  /** Where matches that begin at one of `starts` end. */
  #ends(node: Node, text: string, starts: ReadonlySet<number>): Set<number> {
    this.#steps += 1 + starts.size;
    if (this.#steps > MAX_STEPS) throw new PatternError('takes too long to match');
    switch (node.type) {
      case 'one':
        return new Set(
          [...starts].filter((at) => at < text.length && node.test(text[at] as string)).map((at) => at + 1),
        );
      case 'start':
        return new Set(starts.has(0) ? [0] : []);
      case 'end':
        return new Set(starts.has(text.length) ? [text.length] : []);
      case 'all':
        return node.items.reduce<Set<number>>((found, item) => this.#ends(item, text, found), new Set(starts));
      case 'any':
        return new Set(node.options.flatMap((option) => [...this.#ends(option, text, starts)]));
      case 'repeat': {
        let current = new Set(starts);
        // More repetitions than there are characters are of nothing, and change nothing.
        const least = Math.min(node.min, text.length + 1);
        for (let count = 0; count < least; count++) current = this.#ends(node.item, text, current);
        const found = new Set(current);
        for (let count = node.min; count < node.max && current.size > 0; count++) {
          current = new Set([...this.#ends(node.item, text, current)].filter((at) => !found.has(at)));
          for (const at of current) found.add(at);
        }
        return found;
      }
    }
  }
}

function matchesPlain(pattern: string, name: string): boolean {
  const anchored = pattern.startsWith('^');
  const wanted = anchored ? pattern.slice(1) : pattern;
  const from = name.length - wanted.length;
  if (from < 0 || (from > 0 && (anchored || name[from - 1] !== '.'))) return false;
  for (let i = 0; i < wanted.length; i++) if (wanted[i] !== '.' && wanted[i] !== name[from + i]) return false;
  return true;
}

const CLASSES: Readonly<Record<string, Test>> = {
  d: (c) => /\d/.test(c),
  D: (c) => /\D/.test(c),
  w: (c) => /\w/.test(c),
  W: (c) => /\W/.test(c),
  s: (c) => /\s/.test(c),
  S: (c) => /\S/.test(c),
};

function parse(pattern: string): Node {
  if (pattern.length > MAX_LENGTH) throw new PatternError(`has ${pattern.length} characters, at most ${MAX_LENGTH}`);
  const parser = new Parser(pattern);
  return parser.whole();
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Node {
    const node = this.#options();
    if (this.#at < this.#text.length) throw new PatternError('closes a bracket that it did not open');
    return node;
  }

  #options(): Node {
    const options = [this.#sequence()];
    while (this.#take('|')) options.push(this.#sequence());
    return { type: 'any', options };
  }

  #sequence(): Node {
    const items: Node[] = [];
    while (this.#at < this.#text.length && !/[|)]/.test(this.#text[this.#at] as string)) {
      items.push(this.#repeated(this.#item()));
    }
    return { type: 'all', items };
  }

  #item(): Node {
    const character = this.#text[this.#at++] as string;
    switch (character) {
      case '.':
        return { type: 'one', test: (c) => c !== '\n' };
      case '^':
        return { type: 'start' };
      case '$':
        return { type: 'end' };
      case '[':
        return { type: 'one', test: this.#set() };
      case '(':
        return this.#group();
      case '\\':
        return this.#escaped();
      case '*':
      case '+':
      case '?':
        throw new PatternError(`repeats nothing before "${character}"`);
      default:
        return { type: 'one', test: (c) => c === character };
    }
  }

  #group(): Node {
    if (this.#take('?') && !this.#take(':')) throw new PatternError('has a kind of group that is not read');
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new PatternError(`nests more than ${MAX_DEPTH} groups`);
    const node = this.#options();
    if (!this.#take(')')) throw new PatternError('does not close a group');
    this.#depth -= 1;
    return node;
  }

  #escaped(): Node {
    const character = this.#text[this.#at++];
    if (character === undefined) throw new PatternError('ends with a backslash');
    if (character === 'Z') return { type: 'end' };
    if (character === 'A') return { type: 'start' };
    return { type: 'one', test: classOf(character) };
  }

  #set(): Test {
    const negated = this.#take('^');
    const tests: Test[] = [];
    // The first bracket of a set is a character.
    for (let first = true; first || this.#text[this.#at] !== ']'; first = false) {
      const from = this.#text[this.#at++];
      if (from === undefined) throw new PatternError('does not close a set');
      if (from === '\\') {
        const escaped = this.#text[this.#at++];
        if (escaped === undefined) throw new PatternError('does not close a set');
        tests.push(classOf(escaped));
        continue;
      }
      const isRange = this.#text[this.#at] === '-' && ![']', undefined].includes(this.#text[this.#at + 1]);
      if (!isRange) {
        tests.push((c) => c === from);
        continue;
      }
      const to = this.#text[this.#at + 1] as string;
      this.#at += 2;
      tests.push((c) => c >= from && c <= to);
    }
    this.#at += 1;
    return (c) => tests.some((test) => test(c)) !== negated;
  }

  #repeated(item: Node): Node {
    const [min, max] = this.#count();
    if (min === null) return item;
    // Whether a repetition is greedy does not change if there is a match.
    this.#take('?');
    if (this.#count()[0] !== null) throw new PatternError('repeats a repetition');
    return { type: 'repeat', item, min, max };
  }

  #count(): readonly [number, number] | readonly [null, null] {
    if (this.#take('*')) return [0, Infinity];
    if (this.#take('+')) return [1, Infinity];
    if (this.#take('?')) return [0, 1];
    const found = /^\{(\d{0,4})(,?)(\d{0,4})\}/.exec(this.#text.slice(this.#at));
    if (found === null || found[0] === '{}' || found[0] === '{,}') return [null, null];
    this.#at += found[0].length;
    const min = Number(found[1]);
    const max = found[2] === '' ? min : found[3] === '' ? Infinity : Number(found[3]);
    if (max < min) throw new PatternError(`repeats from ${min} to ${max} times`);
    return [min, max];
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }
}

/** @throws PatternError for references and other escapes with a meaning of their own */
function classOf(escaped: string): Test {
  const known = CLASSES[escaped];
  if (known !== undefined) return known;
  if (/[\dA-Za-z]/.test(escaped)) throw new PatternError(`has "\\${escaped}", which is not read`);
  return (c) => c === escaped;
}
