/** What the grammar admits next. `first…` also admits the closing bracket. */
type Expected = 'value' | 'first value' | 'name' | 'first name' | 'colon' | 'separator' | 'end';

const LITERAL = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const SPACE = /[\t\n\r ]*/y;

/**
 * Finds where a text stops being JSON: line and column of the first token that does not belong, both from 1.
 * Undefined if it is JSON. A text that ends too early is wrong at its end.
 *
 * `JSON.parse` knows the place too, but its messages quote what stands there, and in an accounts file that is
 * likely to be a secret.
 */
export function findJsonError(text: string): { readonly line: number; readonly column: number } | undefined {
  const open: string[] = [];
  let expected: Expected = 'value';
  let at = skip(SPACE, text, 0);
  while (at < text.length) {
    const next = tokenAllowed(expected, text.charAt(at), open);
    const end = tokenEnd(text, at);
    if (next === undefined || end === at) return place(text, at);
    expected = next;
    at = skip(SPACE, text, end);
  }
  return expected === 'end' ? undefined : place(text, text.length);
}

/** What may follow the token that begins with `first`; undefined if that token may not stand here. */
function tokenAllowed(expected: Expected, first: string, open: string[]): Expected | undefined {
  const isName = expected === 'name' || expected === 'first name';
  const isValue = expected === 'value' || expected === 'first value';
  switch (first) {
    case '{':
    case '[':
      if (!isValue) return undefined;
      open.push(first);
      return first === '{' ? 'first name' : 'first value';
    case '}':
      return open.at(-1) === '{' && (expected === 'separator' || expected === 'first name')
        ? close(open)
        : undefined;
    case ']':
      return open.at(-1) === '[' && (expected === 'separator' || expected === 'first value')
        ? close(open)
        : undefined;
    case ',':
      if (expected !== 'separator') return undefined;
      return open.at(-1) === '{' ? 'name' : 'value';
    case ':':
      return expected === 'colon' ? 'value' : undefined;
    default:
      if (isName) return first === '"' ? 'colon' : undefined;
      return isValue ? afterValue(open) : undefined;
  }
}

const afterValue = (open: readonly string[]): Expected => (open.length === 0 ? 'end' : 'separator');

function close(open: string[]): Expected {
  open.pop();
  return afterValue(open);
}

/** Offset behind the token at `at`; `at` itself if there is no whole token. */
function tokenEnd(text: string, at: number): number {
  if ('{}[],:'.includes(text.charAt(at))) return at + 1;
  if (text.charAt(at) !== '"') return skip(LITERAL, text, at);
  let inside = at + 1;
  while (inside < text.length && text.charAt(inside) >= ' ') {
    if (text.charAt(inside) === '"') return inside + 1;
    const next = text.charAt(inside) === '\\' ? skip(ESCAPE, text, inside) : inside + 1;
    if (next === inside) return at;
    inside = next;
  }
  return at;
}

function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

function place(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
