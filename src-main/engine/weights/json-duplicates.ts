/** Finds duplicate keys, of which `JSON.parse` keeps the last, for formats that forbid them. Pure. */

/** The first duplicate key of an object in the text, at any depth. @param json text that `JSON.parse` accepts */
export function findDuplicateKey(json: string): string | undefined {
  /** For each open bracket: an object's keys so far; null for an array. */
  const open: (Set<string> | null)[] = [];
  let expectsKey = false;
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case '{':
        open.push(new Set());
        expectsKey = true;
        break;
      case '[':
        open.push(null);
        expectsKey = false;
        break;
      case '}':
      case ']':
        open.pop();
        expectsKey = false;
        break;
      case ',':
        expectsKey = open.at(-1) instanceof Set;
        break;
      case '"': {
        const start = at;
        for (at++; at < json.length && json[at] !== '"'; at++) if (json[at] === '\\') at++;
        const keys = open.at(-1);
        if (!expectsKey || !(keys instanceof Set)) break;
        expectsKey = false;
        const key = JSON.parse(json.slice(start, at + 1)) as string;
        if (keys.has(key)) return key;
        keys.add(key);
        break;
      }
      default:
        break;
    }
  }
  return undefined;
}
