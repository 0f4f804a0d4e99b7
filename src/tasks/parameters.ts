import '../all-errors.ts';
import { Compile, type Validator } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { type Fill, fillerOf } from './defaults.ts';
import type { TaskDefinition } from './definition.ts';
import { FILE_NAME_PATTERN, MUST_BE_FILE_NAME } from './file-name.ts';
import { MUST_BE_URL, URL_PATTERN } from './url.ts';

type CheckedParameters =
  | { readonly ok: true; readonly value: Record<string, unknown> }
  | { readonly ok: false; readonly problems: Record<string, string[]> };

/** What a definition's schema comes to, worked out once. */
interface Checker {
  readonly validator: Validator;
  readonly fill: Fill;
}

const checkers = new WeakMap<TaskDefinition, Checker>();

function checkerOf(definition: TaskDefinition): Checker {
  const known = checkers.get(definition);
  if (known) return known;
  const { parameters } = definition;
  const fresh = { validator: Compile(parameters) as unknown as Validator, fill: fillerOf(parameters) };
  checkers.set(definition, fresh);
  return fresh;
}

/**
 * Checks what a client sent for a task against its schema and fills in the defaults; what was sent is left as
 * it is. Problems are in the wire's words, by parameter: `{"url": ["this field is required"]}`; what lies
 * inside a parameter is named by its path, `images[2]`.
 */
export function checkParameters(
  definition: TaskDefinition,
  sent: Readonly<Record<string, unknown>>,
): CheckedParameters {
  const { validator, fill } = checkerOf(definition);
  const unknown = unknownNames(definition, sent);
  const value = fill(unknown.length === 0 ? sent : without(unknown, sent)) as Record<string, unknown>;
  if (unknown.length === 0 && validator.Check(value)) return { ok: true, value };
  const problems = unknownParameters(unknown);
  const errors = validator.Errors(value);
  for (const error of errors) {
    if (isEcho(error, errors)) continue;
    for (const [path, text] of describe(error))
      problems.set(path, (problems.get(path) ?? new Set()).add(text));
  }
  // fromEntries defines its members, so that a parameter called __proto__ is one like any other.
  return {
    ok: false,
    problems: Object.fromEntries([...problems].map(([path, texts]) => [path, [...texts]])),
  };
}

const unknownNames = (
  { parameters: { properties } }: TaskDefinition,
  sent: Readonly<Record<string, unknown>>,
): string[] => Object.keys(sent).filter((name) => !Object.hasOwn(properties, name));

/** There may be tens of thousands, and the validator would complain of each. */
function without(names: readonly string[], sent: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const left = new Set(names);
  return Object.fromEntries(Object.entries(sent).filter(([name]) => !left.has(name)));
}

/** So many are named; a definition may hold tens of thousands, and the answer must fit into an event. */
const MAX_UNKNOWN = 50;

function unknownParameters(names: readonly string[]): Map<string, Set<string>> {
  const problems = new Map(
    names.slice(0, MAX_UNKNOWN).map((name) => [name.slice(0, 100), new Set(['unknown parameter'])]),
  );
  if (names.length > MAX_UNKNOWN)
    problems.set('…', new Set([`and ${names.length - MAX_UNKNOWN} more unknown parameters`]));
  return problems;
}

/**
 * The alternatives of a union each complain; the union's own complaint says it all. What is wrong with a member's name
 * is said of that member.
 */
function isEcho(error: TLocalizedValidationError, all: readonly TLocalizedValidationError[]): boolean {
  if (error.keyword === 'propertyNames') return true;
  return all.some(
    ({ keyword, schemaPath }) => keyword === 'anyOf' && error.schemaPath.startsWith(`${schemaPath}/anyOf/`),
  );
}

function describe(error: TLocalizedValidationError): [string, string][] {
  const at = pathOf(error.instancePath);
  const inside = (name: string) => (at === '' ? name : `${at}.${name}`).slice(0, 100);
  switch (error.keyword) {
    case 'required':
      return error.params.requiredProperties.map((name) => [inside(name), 'this field is required']);
    // A member's own complaint and that of the object around it, which comes last, if the others leave room for it.
    case 'boolean':
      return [[at, 'unknown parameter']];
    case 'additionalProperties':
      return error.params.additionalProperties.map((name) => [inside(name), 'unknown parameter']);
    default:
      return [[at, sentence(error)]];
  }
}

function sentence(error: TLocalizedValidationError): string {
  switch (error.keyword) {
    case 'type':
      return `must be ${[error.params.type].flat().map(withArticle).join(' or ')}`;
    case 'minimum':
      return `must be at least ${error.params.limit}`;
    case 'maximum':
      return `must be at most ${error.params.limit}`;
    case 'exclusiveMinimum':
      return `must be more than ${error.params.limit}`;
    case 'exclusiveMaximum':
      return `must be less than ${error.params.limit}`;
    case 'minLength':
      return error.params.limit === 1
        ? 'must not be empty'
        : `must have at least ${error.params.limit} characters`;
    case 'maxLength':
      return `must have at most ${error.params.limit} characters`;
    case 'minItems':
      return error.params.limit === 1
        ? 'must not be empty'
        : `must have at least ${error.params.limit} items`;
    case 'maxItems':
      return `must have at most ${error.params.limit} items`;
    case 'minProperties':
      return error.params.limit === 1
        ? 'must not be empty'
        : `must have at least ${error.params.limit} members`;
    case 'maxProperties':
      return `must have at most ${error.params.limit} members`;
    case 'enum':
      return `must be one of: ${error.params.allowedValues.map(quoted).join(', ')}`;
    case 'const':
      return `must be ${quoted(error.params.allowedValue)}`;
    case '~refine':
      return error.params.message;
    case 'pattern':
      return FORMS.get(String(error.params.pattern)) ?? 'is not of the right form';
    default:
      return error.message;
  }
}

const FORMS: ReadonlyMap<string, string> = new Map([
  [URL_PATTERN, MUST_BE_URL],
  [FILE_NAME_PATTERN, MUST_BE_FILE_NAME],
]);

const TYPES: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  integer: 'an integer',
  null: 'null',
  object: 'an object',
};

const withArticle = (type: string): string => TYPES[type] ?? `a ${type}`;

const quoted = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : String(value));

/** `/images/2` → `images[2]`. */
const pathOf = (pointer: string): string =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part, index) => (index > 0 && /^\d+$/.test(part) ? `[${part}]` : index > 0 ? `.${part}` : part))
    .join('')
    .slice(0, 100);
