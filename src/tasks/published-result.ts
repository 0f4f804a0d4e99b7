import Type, { type TSchema } from 'typebox';
import type { TaskDefinition } from './definition.ts';

const fileUrl = Type.String({ format: 'uri', description: 'the URL of the file' });

/** The result's JSON Schema as clients see it: the URLs of the task's files stand flat beside the values. */
export function publishedResult({ result, files }: TaskDefinition): TSchema {
  const names = files({});
  if (names.length === 0 || !Type.IsObject(result)) return result;
  const urls = Object.fromEntries(names.map((name) => [name, fileUrl]));
  return Type.Object({ ...result.properties, ...urls });
}
