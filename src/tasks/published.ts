import Type, { type TObject, type TSchema } from 'typebox';
import { hasDefaultsInside } from './defaults.ts';
import type { TaskDefinition } from './definition.ts';

const fileUrl = Type.String({ format: 'uri', description: 'the URL of the file' });

/** The result's JSON Schema as clients see it: the URLs of the task's files stand flat beside the values. */
export function publishedResult({ result, files }: TaskDefinition): TSchema {
  const names = files({});
  if (names.length === 0 || !Type.IsObject(result)) return result;
  const urls = Object.fromEntries(names.map((name) => [name, fileUrl]));
  return Type.Object({ ...result.properties, ...urls });
}

/** The parameters' JSON Schema as clients need it: what has a default need not be sent, at any depth. */
export const publishedParameters = ({ parameters }: TaskDefinition): PublishedObject => asSent(parameters);

interface PublishedObject {
  readonly required: readonly string[];
  readonly properties: Readonly<Record<string, TSchema>>;
  readonly [keyword: string]: unknown;
}

/** The same object where nothing is different. Goes where `fillerOf` goes: what that does not fill in must be sent. */
function publish(schema: TSchema): TSchema {
  if (!hasDefaultsInside(schema)) return schema;
  if (Type.IsObject(schema)) return asSent(schema);
  if (Type.IsArray(schema)) return { ...schema, items: publish(schema.items) };
  if (Type.IsRecord(schema)) return { ...schema, patternProperties: publishEach(schema.patternProperties) };
  return schema;
}

function asSent({ properties, required, ...rest }: TObject): PublishedObject {
  const needed = ((required ?? []) as string[]).filter(
    (name) => !('default' in (properties[name] as object)),
  );
  return { ...rest, required: needed, properties: publishEach(properties) };
}

const publishEach = (schemas: Readonly<Record<string, TSchema>>): Record<string, TSchema> =>
  Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, publish(schema)]));
