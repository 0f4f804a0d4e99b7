import { answers } from './answers.ts';
import { problem } from './examples.ts';
import {
  type Answer,
  type Answers,
  json,
  type Operation,
  only,
  type Parameter,
  type Paths,
  schemaRef,
} from './parts.ts';
import { OPEN } from './security.ts';

const text = { type: 'string' };

const PATH: readonly Parameter[] = [
  {
    name: 'key',
    in: 'path',
    description: 'The key of the task; `sample` for the picture that comes with Wyvern',
    required: true,
    schema: text,
    example: 'sample',
  },
  {
    name: 'file',
    in: 'path',
    description: 'The name of the file, with its extension',
    required: true,
    schema: text,
    example: 'raccoon.jpg',
  },
];

const header = (name: string, description: string): Parameter => ({
  name,
  in: 'header',
  description,
  schema: text,
});
const CONDITIONS: readonly Parameter[] = [
  header('If-None-Match', 'An `ETag` that you have: 304 if the file still has it'),
  header('If-Modified-Since', 'A date; without `If-None-Match`: 304 if the file is no newer'),
  header(
    'Range',
    'One range of bytes: `bytes=0-1023`, `bytes=1024-`, `bytes=-512`. Several get the whole file',
  ),
  header('If-Range', 'An `ETag` or a date: the range only if the file is still the same, else the whole'),
];

const HEADERS = {
  ETag: { description: 'Stands for the bytes', schema: text },
  'Last-Modified': { description: 'When the file was stored', schema: text },
  'Cache-Control': {
    description:
      'A file never changes once its task has ended; before, another attempt may put another in its place',
    schema: { enum: ['public, max-age=31536000, immutable', 'no-cache'] },
  },
  'Accept-Ranges': { description: 'Ranges are served', schema: { const: 'bytes' } },
  'Content-Disposition': { description: 'Shown, not downloaded', schema: { const: 'inline' } },
  'X-Content-Type-Options': { description: 'The type is as it is said', schema: { const: 'nosniff' } },
} as const;
const RANGE = { 'Content-Range': { description: 'Which bytes, of how many', schema: text } };

const bytes = { '*/*': { schema: { description: 'The bytes, with the type that was written' } } };

const answersWith = (content: Pick<Answer, 'content'>, rest: Answers): Answers => ({
  200: { description: 'The file', headers: HEADERS, ...content },
  206: { description: 'The range of the file', headers: { ...HEADERS, ...RANGE }, ...content },
  304: { description: 'You have it already', headers: HEADERS },
  ...rest,
});

const NO_SUCH_RANGE: Answer = {
  description: 'The file has no such range',
  headers: RANGE,
  content: json(
    schemaRef('Problems'),
    only('Beyond the end', problem('Range', 'header', 'the file has 21110 bytes')),
  ),
};
const NOT_FOUND: Answer = {
  description: 'There is no such file',
  content: json(
    schemaRef('Problems'),
    only('No such file', problem('path', 'path', 'there is no such file')),
  ),
};

const SHARED = {
  tags: ['Files'],
  description:
    'URLs of files stand in results. They are for everyone who knows them, and they can be the source of another ' +
    'task: then the file is read from storage.',
  security: OPEN,
  parameters: [...PATH, ...CONDITIONS],
} as const;

const GET: Operation = {
  ...SHARED,
  operationId: 'getOutput',
  summary: 'A file that a task made',
  responses: answersWith(
    { content: bytes },
    { 404: NOT_FOUND, 416: NO_SUCH_RANGE, ...answers('Invalid', 'LogOutOfReach') },
  ),
};

const HEAD: Operation = {
  ...SHARED,
  operationId: 'headOutput',
  summary: 'What is known of a file',
  responses: answersWith(
    {},
    withoutContent({ 400: 'Invalid', 404: 'Not found', 500: 'Unforeseen', 503: 'Later' }),
  ),
};

/** The files themselves. */
export const OUTPUT_PATHS: Paths = { '/files/{key}/{file}': { get: GET, head: HEAD } };

function withoutContent(codes: Readonly<Record<string, string>>): Answers {
  return Object.fromEntries(Object.entries(codes).map(([code, description]) => [code, { description }]));
}
