import type { TaskDefinition } from './definition.ts';

interface AnySchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly AnySchema[];
  readonly items?: AnySchema;
}

/**
 * Parameters out of a query string, as text, turned into the types that the schema asks for: `width=92`,
 * `crop=1`, a name that is repeated for a list, JSON for an object. What cannot be turned stays text, so that
 * the check names it.
 */
export function convertQuery(
  definition: TaskDefinition,
  entries: Iterable<readonly [string, string]>,
): Record<string, unknown> {
  const texts = new Map<string, string[]>();
  for (const [name, text] of entries) {
    const before = texts.get(name);
    if (before) before.push(text);
    else texts.set(name, [text]);
  }
  const properties = definition.parameters.properties as Readonly<Record<string, AnySchema>>;
  return Object.fromEntries(
    [...texts].map(([name, values]) => {
      const schema = Object.hasOwn(properties, name) ? (properties[name] as AnySchema) : {};
      if (schema.type === 'array') return [name, values.map((text) => convert(schema.items ?? {}, text))];
      return [name, values.length === 1 ? convert(schema, values[0] as string) : values];
    }),
  );
}

/** Whether a text for this parameter, or for a member of it, is parsed as JSON. */
export function takesJson({ parameters }: TaskDefinition, name: string): boolean {
  const schema = Object.hasOwn(parameters.properties, name) ? (parameters.properties[name] as AnySchema) : {};
  return typesOf(schema.type === 'array' ? (schema.items ?? {}) : schema).includes('object');
}

const BOOLEANS = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

function convert(schema: AnySchema, text: string): unknown {
  const types = new Set(typesOf(schema));
  if ((types.has('integer') || types.has('number')) && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text))
    return Number(text);
  if (types.has('boolean')) return BOOLEANS.get(text) ?? text;
  if (types.has('object')) return parseOrKeep(text);
  return text;
}

function typesOf({ type, enum: choices, const: only, anyOf }: AnySchema): string[] {
  const values = [...(choices ?? []), ...(only === undefined ? [] : [only])];
  return [...[type ?? []].flat(), ...values.map((value) => typeof value), ...(anyOf ?? []).flatMap(typesOf)];
}

function parseOrKeep(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
