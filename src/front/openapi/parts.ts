/** A JSON Schema: plain JSON, or a TypeBox schema, which is one as it stands. */
export type Schema = object;

export interface Example {
  readonly summary: string;
  readonly value: unknown;
}
export type Examples = Readonly<Record<string, Example>>;

export interface Media {
  readonly schema: Schema;
  readonly examples?: Examples;
  /** What each line of a feed is: OpenAPI 3.1 has no word of its own for it. */
  readonly 'x-line-schema'?: Schema;
}

export interface Body {
  readonly required: true;
  readonly description: string;
  readonly content: Readonly<Record<string, Media>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly description: string;
  readonly required?: true;
  readonly schema: Schema;
  readonly style?: 'form';
  readonly explode?: true;
  readonly example?: unknown;
}

export interface Answer {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: Schema }>>;
  readonly content?: Readonly<Record<string, Media>>;
}
interface Reference {
  readonly $ref: string;
}
export type Answers = Readonly<Record<string, Answer | Reference>>;

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly [string];
  readonly summary: string;
  readonly description?: string;
  readonly security: readonly Readonly<Record<string, readonly []>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Body;
  readonly responses: Answers;
}

export interface SecurityScheme {
  readonly type: 'apiKey';
  readonly in: 'header' | 'query';
  readonly name: string;
  readonly description: string;
}

export type Method = 'get' | 'head' | 'post';
export type Paths = Readonly<Record<string, Readonly<Partial<Record<Method, Operation>>>>>;

export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly summary: string;
    readonly description: string;
  };
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Paths;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly responses: Readonly<Record<string, Answer>>;
    readonly securitySchemes: Readonly<Record<string, SecurityScheme>>;
  };
}

export const schemaRef = (name: string): Reference => ({ $ref: `#/components/schemas/${name}` });

/** The last step of a reference: the name of what it points at. */
export const nameOfRef = ({ $ref }: Reference): string => $ref.slice($ref.lastIndexOf('/') + 1);

export const isReference = (part: object): part is Reference =>
  '$ref' in part && typeof part.$ref === 'string';

/** The content of an answer or a body that is JSON. */
export const json = (schema: Schema, examples?: Examples): Readonly<Record<string, Media>> => ({
  'application/json': { schema, ...(examples && { examples }) },
});

/** One example where no name is needed. */
export const only = (summary: string, value: unknown): Examples => ({ example: { summary, value } });

/** A boolean in a query. */
export const flag = (name: string, description: string): Parameter => ({
  name,
  in: 'query',
  description: `${description}. \`true\`, \`false\`, \`1\` or \`0\``,
  schema: { type: 'boolean', default: false },
  example: true,
});

/** A flag of a POST may stand in its query too; whoever reads an example is better served by one with the body. */
export function flagBeside(name: string): Parameter {
  const { example: _, ...parameter } = flag(name, `In place of the \`${name}\` of the body`);
  return parameter;
}
