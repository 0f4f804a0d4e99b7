import Type from 'typebox';
import { answers } from './answers.ts';
import { CREDENTIALS, IDEMPOTENCY_KEY, requestBody } from './create-paths.ts';
import { createFileBody, failedTask, KEY, problem, samplePicture } from './examples.ts';
import {
  type Answer,
  type Answers,
  type Examples,
  json,
  type Operation,
  only,
  type Parameter,
  type Paths,
  schemaRef,
} from './parts.ts';
import { BY_HEADER, BY_HEADER_OR_QUERY, OPEN, REFERER } from './security.ts';
import { ONE_KEY } from './status-paths.ts';

const FILENAME: Parameter = {
  name: 'filename',
  in: 'path',
  description:
    'Of a task that makes several files the name of one, exact or with an extension; any name if there is one file',
  required: true,
  schema: { type: 'string' },
  example: 'thumb.jpg',
};

const REDIRECT: Answer = {
  description: 'The file; the task may still be making others',
  headers: {
    Location: { description: 'Absolute URL of the file', schema: { type: 'string', format: 'uri' } },
  },
};

const CACHEABLE_REDIRECT: Answer = {
  ...REDIRECT,
  headers: {
    ...REDIRECT.headers,
    'Cache-Control': {
      description: 'How long the answer stays the same, in seconds: `private, max-age=3600`',
      schema: { type: 'string' },
    },
  },
};

const NO_SUCH_FILE: Examples = {
  file: {
    summary: 'The task made other files',
    value: {
      status: 'error',
      message: "'medium' is not a valid filename, choose one of: 'small', 'large'",
    },
  },
};
const noFile = (examples: Examples = {}, ...schemas: readonly object[]): Answer => ({
  description: `The task has no such file${schemas.length > 0 ? ', or there is no such task' : ''}`,
  content: json({ anyOf: [schemaRef('NoSuchFile'), ...schemas] }, { ...NO_SUCH_FILE, ...examples }),
});

const failed = (publicUrl: string): Answer => ({
  description: 'The request is invalid, or the task has failed: then this is its status',
  content: json(
    { anyOf: [schemaRef('Problems'), schemaRef('ErrorStatus')] },
    {
      failed: { summary: 'The task has failed', value: failedTask(publicUrl) },
      invalid: { summary: 'A forgotten parameter', value: problem('task', 'body', 'task is missing') },
    },
  ),
});

const FORGOTTEN: Examples = {
  forgotten: {
    summary: 'The task of an earlier request with this `Idempotency-Key`',
    value: problem(
      'Idempotency-Key',
      'header',
      `the request was carried out, but its task '${KEY}' has left the log`,
    ),
  },
};

const createAnswers = (publicUrl: string): Answers => ({
  302: REDIRECT,
  400: failed(publicUrl),
  404: noFile(FORGOTTEN, schemaRef('Problems')),
  ...answers('Refused', 'OtherBody', 'LogOutOfReach'),
});

const CreateFileBody = Type.Object({ task: Type.Ref(schemaRef('TaskDefinition').$ref), ...CREDENTIALS });

const DESCRIPTION =
  'Queues a task, waits for its file and redirects there. Of a task that makes several, each is there as soon as it is stored.';

const SHARED =
  'If a task of the account is at the same, it is waited for; if one has done the same within `CACHE_SECONDS`, its ' +
  'file is the answer, and no task is queued. `Cache-Control: no-cache` asks for a new one, and so do ' +
  '`task_metas` and an `Idempotency-Key`.';

const createByPost = (publicUrl: string, path: readonly Parameter[]): Operation => ({
  operationId: path.length > 0 ? 'createNamedFileByPost' : 'createFileByPost',
  tags: ['Create'],
  summary: 'Make a file and go there',
  description: DESCRIPTION,
  security: BY_HEADER,
  parameters: [...path, IDEMPOTENCY_KEY, REFERER],
  requestBody: requestBody('The task', CreateFileBody, createFileBody(publicUrl)),
  responses: { ...createAnswers(publicUrl), ...answers('TooLarge') },
});

const createByGet = (publicUrl: string, path: readonly Parameter[]): Operation => ({
  operationId: path.length > 0 ? 'createNamedFileByGet' : 'createFileByGet',
  tags: ['Create'],
  summary: 'Make a file and go there, for an <img>',
  description: `${DESCRIPTION} The definition stands in the query, where its values are read as their types ask. ${SHARED}`,
  security: BY_HEADER_OR_QUERY,
  parameters: [...path, TASK_NAME, parametersInQuery(publicUrl), IDEMPOTENCY_KEY, REFERER],
  responses: { ...createAnswers(publicUrl), 302: CACHEABLE_REDIRECT },
});

const TASK_NAME: Parameter = {
  name: 'task_name',
  in: 'query',
  description: 'The name of the task',
  required: true,
  schema: { type: 'string' },
  example: 'image.thumb',
};

const parametersInQuery = (publicUrl: string): Parameter => ({
  name: 'parameters',
  in: 'query',
  description:
    "The task's parameters, each under its own name: `width=300`, `crop=true`; a list repeats the name, an object is JSON",
  style: 'form',
  explode: true,
  schema: { type: 'object', additionalProperties: true },
  example: { url: samplePicture(publicUrl), width: 300 },
});

const waitForFile = (publicUrl: string, path: readonly Parameter[]): Operation => ({
  operationId: path.length > 0 ? 'namedFile' : 'file',
  tags: ['Follow'],
  summary: 'Go to the file of a task',
  description:
    'Waits for a file of a task that exists, and redirects there, also while the task makes others. Needs no credentials.',
  security: OPEN,
  parameters: [...path, ONE_KEY],
  responses: {
    302: REDIRECT,
    400: failed(publicUrl),
    404: noFile(
      only('No such task', problem('task', 'query', `no task has the key '${KEY}'`)),
      schemaRef('Problems'),
    ),
    ...answers('LogOutOfReach'),
  },
});

/** Calls that end at a file. */
export const filePaths = (publicUrl: string): Paths => ({
  '/v1/create_file': { get: createByGet(publicUrl, []), post: createByPost(publicUrl, []) },
  '/v1/create_file/{filename}': {
    get: createByGet(publicUrl, [FILENAME]),
    post: createByPost(publicUrl, [FILENAME]),
  },
  '/v1/file': { get: waitForFile(publicUrl, []) },
  '/v1/file/{filename}': { get: waitForFile(publicUrl, [FILENAME]) },
});
