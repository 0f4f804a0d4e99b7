import { Queued } from '../../../actors/event.ts';
import { type Html, html, joined, sentence, slug } from './html.ts';
import { isReference, nameOfRef, type Schema } from './parts.ts';

/** What the page reads of a schema; the rest is for machines, who have the document. */
interface Shape {
  readonly description?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly anyOf?: readonly Shape[];
  readonly allOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly items?: Shape;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, Shape>>;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
}

/** Whether clients write it or read it: they ask what they must send, and what they may not find. */
type Side = 'sent' | 'answered';

const EVENT_DATE = Queued.properties.at as Shape;

const code = (value: unknown): Html => html`<code>${JSON.stringify(value)}</code>`;
const isAnything = (shape: Shape): boolean =>
  !['type', 'const', 'enum', 'properties'].some((name) => name in shape);

/** The type of a value in words, with links to the objects that have names. */
export function typeInWords(schema: Schema): Html {
  if (isReference(schema)) return html`<a href="#object-${slug(nameOfRef(schema))}">${nameOfRef(schema)}</a>`;
  const shape = schema as Shape;
  const either = shape.anyOf ?? shape.oneOf;
  if (either) return html`${joined(distinct(either.map(typeInWords)), ' or ')}`;
  if (shape.allOf) return html`${joined(distinct(shape.allOf.map(typeInWords)), ' with ')}`;
  if ('const' in shape) return code(shape.const);
  if (shape.enum) return html`${joined(shape.enum.map(code), ' or ')}`;
  if (shape.type === 'array')
    return html`list of ${bounds(shape.minItems, shape.maxItems)}${typeInWords(shape.items ?? {})}`;
  if (shape.type === 'object') return objectInWords(shape);
  if (isAnything(shape)) return html`any JSON value`;
  if (shape.pattern === EVENT_DATE.pattern) return html`date`;
  return html`${TYPES[shape.type ?? ''] ?? shape.type} ${limits(shape)}`;
}

/** Two objects that differ in their members are the same in words. */
const distinct = (words: readonly Html[]): readonly Html[] =>
  words.filter(({ text }, index) => words.findIndex((word) => word.text === text) === index);

const TYPES: Readonly<Record<string, string>> = { string: 'text' };

function objectInWords({ patternProperties }: Shape): Html {
  const [member] = Object.values(patternProperties ?? {});
  if (!member || isAnything(member)) return html`object`;
  return html`object of names, each with ${typeInWords(member)}`;
}

const bounds = (least: number | undefined, most: number | undefined): string => {
  if (most === undefined) return least === undefined || least === 0 ? '' : `at least ${least} `;
  return `${least ?? 0} to ${most} `;
};

const limits = ({ minimum, maximum, maxLength }: Shape): string => {
  if (maxLength !== undefined) return `of up to ${maxLength} characters`;
  if (minimum !== undefined && maximum !== undefined) return `from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `from ${minimum}`;
  return maximum === undefined ? '' : `up to ${maximum}`;
};

interface Row {
  readonly name: string;
  readonly shape: Shape;
  readonly isRequired: boolean;
}

/** The members of an object, those of objects in it behind dots. */
function rowsOf({ properties = {}, required = [], anyOf = [], allOf = [] }: Shape, prefix = ''): Row[] {
  const own = Object.entries(properties).flatMap(([name, shape]) => [
    { name: prefix + name, shape, isRequired: required.includes(name) },
    ...rowsOf(shape, `${prefix}${name}.`),
    ...rowsOf(Object.values(shape.patternProperties ?? {})[0] ?? {}, `${prefix}${name}.*.`),
    ...rowsOf(shape.items ?? {}, `${prefix}${name}[].`),
  ]);
  return [...own, ...[...anyOf, ...allOf].flatMap((part) => rowsOf(part, prefix))];
}

const row = ({ name, shape, isRequired }: Row, side: Side): Html => html`<tr>
  <td><code>${name}</code>${remark(isRequired, side)}</td>
  <td>${typeInWords(shape)}</td>
  <td>${sentence(meaning(shape))}${shape.default === undefined ? '' : html` <span class="default">default ${code(shape.default)}</span>`}</td>
</tr>`;

function remark(isRequired: boolean, side: Side): Html | string {
  if (side === 'answered') return isRequired ? '' : html` <span class="place">may be missing</span>`;
  return isRequired ? html` <span class="required">required</span>` : '';
}

/** What a value means, or each of those that it may be. */
const meaning = ({ description, anyOf = [] }: Shape): string =>
  description ?? anyOf.flatMap((part) => part.description ?? []).join('. Or: ');

/** An object as a table of its members; several that it may be as several tables; anything else in words. */
export function schemaTable(schema: Schema, side: Side): Html {
  const { anyOf, allOf } = schema as Shape;
  const parts = anyOf ?? allOf ?? [];
  if (parts.some((part) => part.properties)) return html`${parts.map((part) => partTable(part, side))}`;
  const rows = rowsOf(schema as Shape);
  if (rows.length === 0) return html`<p>${typeInWords(schema)}</p>`;
  return html`<table>
<thead><tr><th>Name</th><th>Type</th><th>Meaning</th></tr></thead>
<tbody>${rows.map((line) => row(line, side))}</tbody>
</table>`;
}

const partTable = (part: Shape, side: Side): Html =>
  part.properties ? schemaTable(part, side) : html`<p>${typeInWords(part)}, with</p>`;
