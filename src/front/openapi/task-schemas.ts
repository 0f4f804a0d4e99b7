import Type from 'typebox';
import type { TaskDefinition } from '../../tasks/definition.ts';
import { publishedParameters, publishedResult } from '../../tasks/published.ts';
import { SentDefinition } from '../definitions.ts';
import { type Schema, schemaRef } from './parts.ts';

type Catalogue = ReadonlyMap<string, TaskDefinition>;

/**
 * Schemas made from the catalogue. `image.thumb` is the definition as clients send it, `image.thumb.result` its
 * value; `TaskDefinition` is any of them, told apart by `task_name`.
 *
 * The parameters' schemas are the catalogue's own objects, the ones that validate, unless they have defaults inside.
 */
export function taskSchemas(catalogue: Catalogue): Record<string, Schema> {
  const definitions = [...catalogue.values()];
  return {
    SentDefinition,
    TaskDefinition: {
      description: 'A task of the catalogue',
      allOf: [schemaRef('SentDefinition')],
      oneOf: definitions.map(({ name }) => schemaRef(name)),
      discriminator: {
        propertyName: 'task_name',
        mapping: Object.fromEntries(definitions.map(({ name }) => [name, schemaRef(name).$ref])),
      },
    },
    TaskDefinitions: {
      description:
        'One task, or a list of them: at most `MAX_TASKS`, 1,000 if the operator has not said otherwise',
      anyOf: [
        schemaRef('TaskDefinition'),
        { type: 'array', items: schemaRef('TaskDefinition'), minItems: 1 },
      ],
    },
    ...Object.fromEntries(definitions.map((definition) => [definition.name, sentSchema(definition)])),
    ...Object.fromEntries(
      definitions.map((definition) => [`${definition.name}.result`, publishedResult(definition) as Schema]),
    ),
  };
}

/** A definition as it is sent: the parameters as they are published, between the service's own members. */
function sentSchema(definition: TaskDefinition): Schema {
  const { required, properties, ...published } = publishedParameters(definition);
  return {
    ...published,
    title: definition.name,
    description: definition.description,
    required: ['task_name', ...required],
    properties: {
      task_name: Type.Literal(definition.name),
      ...properties,
      task_metas: SentDefinition.properties.task_metas,
    },
  };
}
