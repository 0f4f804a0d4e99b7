import type { TaskDefinition } from '../../tasks/definition.ts';
import { ANSWER_SCHEMAS } from './answer-schemas.ts';
import { ANSWERS } from './answers.ts';
import { createPaths } from './create-paths.ts';
import { filePaths } from './file-paths.ts';
import { HISTORY_PATHS } from './history-paths.ts';
import { OUTPUT_PATHS } from './output-paths.ts';
import type { OpenApiDocument } from './parts.ts';
import { SECURITY_SCHEMES } from './security.ts';
import { SERVICE_PATHS } from './service-paths.ts';
import { STATUS_PATHS } from './status-paths.ts';
import { taskSchemas } from './task-schemas.ts';

const DESCRIPTION = `JSON in, JSON out, in UTF-8. A body is read as JSON whatever its \`Content-Type\` says.

Dates are ISO 8601 in UTC, with microseconds. The dates of one task never run backwards.

Calls that wait, such as \`block\` and feeds, have no time limit of their own; a client that leaves frees at once what was held for it.

Every answer may be read from any origin, and \`OPTIONS\` answers preflights on every path. A method that a path does not know gets 405 with \`Allow\`. The calls of the service itself answer \`HEAD\` as they do \`GET\`, without the body.`;

const TAGS = [
  { name: 'Create', description: 'Queue tasks. Needs credentials.' },
  { name: 'Follow', description: 'See what becomes of tasks.' },
  { name: 'Files', description: 'What tasks have made.' },
  { name: 'Service', description: 'The catalogue, and what operators and tools ask.' },
] as const;

/**
 * The whole contract as OpenAPI 3.1. Task definitions, results and events are described by the very schemas that
 * check them; the rest is written down here and held to the routes by a test.
 *
 * `publicUrl` has no slash at its end.
 */
export function openApiDocument(
  catalogue: ReadonlyMap<string, TaskDefinition>,
  publicUrl: string,
): OpenApiDocument {
  return {
    openapi: '3.1.1',
    info: {
      title: 'Wyvern',
      version: '1',
      summary: 'Tasks for media: queue them, follow them, fetch what they made',
      description: DESCRIPTION,
    },
    servers: [{ url: publicUrl }],
    tags: TAGS,
    paths: {
      ...createPaths(publicUrl),
      ...filePaths(publicUrl),
      ...STATUS_PATHS,
      ...HISTORY_PATHS,
      ...OUTPUT_PATHS,
      ...SERVICE_PATHS,
    },
    components: {
      schemas: { ...ANSWER_SCHEMAS, ...taskSchemas(catalogue) },
      responses: ANSWERS,
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}
