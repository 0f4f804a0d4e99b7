import { listOf } from './answer-schemas.ts';
import { KEY, ndjsonFeed, problem, sseFeed } from './examples.ts';
import { type Answer, type Answers, type Examples, json, only, type Schema, schemaRef } from './parts.ts';

const problems = (description: string, example: Examples, headers?: Answer['headers']): Answer => ({
  description,
  ...(headers && { headers }),
  content: json(schemaRef('Problems'), example),
});

const RETRY_AFTER = {
  'Retry-After': { description: 'Seconds to wait', schema: { type: 'integer', minimum: 1 } },
};

/** Answers that many calls give. */
export const ANSWERS = {
  Invalid: problems(
    'The request is invalid; all that is wrong with it is said at once',
    only('A forgotten parameter', problem('tasks', 'body', 'tasks is missing')),
  ),
  Refused: problems(
    'The credentials are missing or wrong, or a limit of the account is reached; nothing has been stored',
    only(
      'A limit',
      problem(
        'active_tasks',
        'body',
        "account 'acme' may have 1000 active tasks, it has 999 and this request adds 2",
      ),
    ),
  ),
  SecretRefused: problems(
    'The secret is missing or wrong, or it was an API key, which does not suffice',
    only('An API key', problem('secret', 'header', 'secret is missing, an api_key does not suffice here')),
  ),
  UnknownTask: problems(
    'There are no tasks with these keys; one error for each',
    only('An unknown key', problem('tasks', 'query', `no task has the key '${KEY}'`)),
  ),
  Forgotten: problems(
    'The request of this `Idempotency-Key` was carried out, but the log has let go of its tasks',
    only(
      'Tasks of yesterday',
      problem(
        'Idempotency-Key',
        'header',
        `the request was carried out, but its task '${KEY}' has left the log`,
      ),
    ),
  ),
  OtherBody: problems(
    'The `Idempotency-Key` was used with another body',
    only(
      'Another body',
      problem('Idempotency-Key', 'header', 'this Idempotency-Key was used with another body'),
    ),
  ),
  TooLarge: problems(
    'The body is larger than `MAX_BODY`',
    only('Over the default', problem('body', 'body', 'body is larger than 8388608 bytes')),
  ),
  LogOutOfReach: problems(
    'The log is out of reach or full, or the outputs are out of reach. Whether what was sent has been stored is not known: send it again under the same `Idempotency-Key`',
    only('Out of reach', problem('log', 'path', 'the log is out of reach, try again later')),
    RETRY_AFTER,
  ),
  Unforeseen: problems(
    'The service failed in a way that it did not foresee',
    only('A defect', problem('service', 'path', 'the service failed in a way that it did not foresee')),
  ),
} as const satisfies Record<string, Answer>;

type Name = keyof typeof ANSWERS;
const CODES: Readonly<Record<Name, string>> = {
  Invalid: '400',
  Refused: '401',
  SecretRefused: '401',
  UnknownTask: '404',
  Forgotten: '404',
  OtherBody: '422',
  TooLarge: '413',
  LogOutOfReach: '503',
  Unforeseen: '500',
};

/** References to answers that many calls give, by their codes; that of a defect is always among them. */
export const answers = (...names: readonly Name[]): Answers =>
  Object.fromEntries(
    [...names, 'Unforeseen' as const].map((name) => [
      CODES[name],
      { $ref: `#/components/responses/${name}` },
    ]),
  );

/** What stops a browser's `EventSource`, which asks again whenever an answer ends. */
export const OVER: Answer = {
  description:
    'To Server-Sent Events with the `Last-Event-ID` that the end of the feed had: all has been told. At this an `EventSource` stops',
};

const feedLine: Schema = { anyOf: [listOf('Status'), schemaRef('Status')] };
const feedText = (description: string): Schema => ({ type: 'string', description });

/** A feed of statuses, in the form that the client accepts. */
export const FEED: Answer = {
  description:
    'The list of statuses, in the order asked, then one status after the other as things happen. `executing` and ' +
    'the end of each task are always among them. It closes after the last end. While nothing happens, the last ' +
    'status of an open task is said again every 15 s, as Server-Sent Events a comment',
  content: {
    'application/x-ndjson': {
      schema: feedText('One JSON value a line'),
      'x-line-schema': feedLine,
      examples: ndjsonFeed,
    },
    'text/event-stream': {
      schema: feedText('The same as Server-Sent Events, for `Accept: text/event-stream`'),
      'x-line-schema': feedLine,
      examples: sseFeed,
    },
  },
};
