import { listOf } from './answer-schemas.ts';
import { answers } from './answers.ts';
import { problem } from './examples.ts';
import { type Answer, json, type Operation, only, type Paths, schemaRef } from './parts.ts';
import { OPEN } from './security.ts';

const call = (operationId: string, summary: string, answer: Answer, description?: string): Operation => ({
  operationId,
  tags: ['Service'],
  summary,
  ...(description && { description }),
  security: OPEN,
  responses: { 200: answer, ...answers() },
});

const OK: Answer = {
  description: 'All is well',
  content: json(schemaRef('Health'), only('Well', { status: 'ok' })),
};
const text = (type: string, description: string): Answer => ({
  description,
  content: { [type]: { schema: { type: 'string' } } },
});

const ready = call('readyz', 'Whether tasks can be taken and run', OK, 'For what sends traffic here.');
const NOT_READY: Answer = {
  description: 'Not now, and why',
  headers: { 'Retry-After': { description: 'Seconds to wait', schema: { type: 'integer', minimum: 1 } } },
  content: json(schemaRef('Problems'), only('No worker', problem('service', 'path', 'no worker is known'))),
};

/** The catalogue, and what operators and tools ask. */
export const SERVICE_PATHS: Paths = {
  '/v1/tasks': {
    get: call('tasks', 'The tasks that can be created', {
      description: 'The catalogue, with a JSON Schema of the parameters and one of the result',
      content: json(listOf('CatalogueEntry')),
    }),
  },
  '/healthz': { get: call('healthz', 'Whether this process answers', OK, 'For what restarts it.') },
  '/readyz': { get: { ...ready, responses: { ...ready.responses, 503: NOT_READY } } },
  '/metrics': { get: call('metrics', 'Measurements', text('text/plain', "In Prometheus' text format")) },
  '/openapi.json': {
    get: call('openapi', 'This document', {
      description: 'OpenAPI 3.1, made from the schemas that check requests',
      content: json({ type: 'object' }),
    }),
  },
  '/docs': { get: call('docs', 'This document as a page', text('text/html', 'Needs no JavaScript')) },
};
