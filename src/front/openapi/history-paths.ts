import Type from 'typebox';
import { TASK_EVENT_TYPES } from '../../../actors/event.ts';
import { answers, OVER } from './answers.ts';
import { KEY, OTHER_KEY } from './examples.ts';
import { eventFeed, historyAnswer, sseEventFeed } from './history-examples.ts';
import {
  type Answer,
  flag,
  json,
  type Operation,
  type Parameter,
  type Paths,
  type Schema,
  schemaRef,
} from './parts.ts';
import { BY_SECRET } from './security.ts';
import { ONE_KEY } from './status-paths.ts';

const ENTRIES: Schema = {
  type: 'array',
  items: { anyOf: [schemaRef('HistoryEvent'), schemaRef('HistoryGap')] },
};

const HISTORY: Operation = {
  operationId: 'history',
  tags: ['Follow'],
  summary: 'All that happened to a task',
  description:
    'The events of one task of your account, in log order. Of the progress reports of an attempt the last is kept. Where ' +
    'neither the log nor its archive has the beginning any more, a `gap` stands in its place.',
  security: BY_SECRET,
  parameters: [ONE_KEY],
  responses: {
    200: { description: 'The events', content: json(ENTRIES, historyAnswer) },
    ...answers('Invalid', 'SecretRefused', 'UnknownTask', 'LogOutOfReach'),
  },
};

const place = (name: string, description: string, example: string): Parameter => ({
  name,
  in: 'query',
  description: `${description}: the sequence of an event, or an ISO 8601 date, in UTC unless it says otherwise`,
  schema: { type: 'string' },
  example,
});

const several = (
  name: string,
  description: string,
  items: Schema,
  example: readonly string[],
): Parameter => ({
  name,
  in: 'query',
  description: `${description}, each as a \`${name}\` of its own`,
  style: 'form',
  explode: true,
  schema: { type: 'array', items },
  example,
});

const PARAMETERS: readonly Parameter[] = [
  place(
    'from',
    'Where to begin, itself included, at most the one after the newest; without it at the beginning of the log. With `follow` a date may be still to come',
    '41',
  ),
  place('until', 'Where to end, itself included', '2013-04-03T15:47:28+00:00'),
  flag('follow', 'Go on as things happen. Otherwise the feed ends where the log ends at the request'),
  several('tasks', 'Only these tasks, at most `MAX_TASKS`', Type.Ref(schemaRef('Key').$ref), [
    KEY,
    OTHER_KEY,
  ]),
  several('types', 'Only events of these types', { enum: [...TASK_EVENT_TYPES] }, ['completed', 'failed']),
  {
    name: 'format',
    in: 'query',
    description:
      '`cloudevents` for CloudEvents 1.0; `Accept: application/cloudevents+json` asks for the same',
    schema: { enum: ['cloudevents'] },
    example: 'cloudevents',
  },
  {
    name: 'Last-Event-ID',
    in: 'header',
    description:
      'Begin after this sequence, at most the newest, whatever `from` says. Browsers send it by themselves',
    schema: { type: 'integer', minimum: 0 },
    example: 42,
  },
];

const line: Schema = { anyOf: [schemaRef('HistoryLine'), schemaRef('CloudEvent')] };

const EVENTS: Answer = {
  description:
    'Every event from the cursor on, in the order of the log, once. Where neither the log nor its archive has events any more, a `gap` says ' +
    'which. While nothing happens a heartbeat comes every 15 s, as Server-Sent Events an id without data. An answer ' +
    'that was cut off can be taken up after the last sequence that it told',
  content: {
    'application/x-ndjson': {
      schema: { type: 'string', description: 'One JSON value a line' },
      'x-line-schema': line,
      examples: eventFeed,
    },
    'text/event-stream': {
      schema: {
        type: 'string',
        description: 'As Server-Sent Events, for `Accept: text/event-stream`; `id` is the sequence',
      },
      'x-line-schema': line,
      examples: sseEventFeed,
    },
  },
};

const HISTORY_STREAM: Operation = {
  operationId: 'historyStream',
  tags: ['Follow'],
  summary: 'All that happened',
  description:
    "The events of all tasks of your account; an auditor's account sees those of all accounts. A client that is slow " +
    'slows down its own reading only.',
  security: BY_SECRET,
  parameters: PARAMETERS,
  responses: { 200: EVENTS, 204: OVER, ...answers('Invalid', 'SecretRefused', 'LogOutOfReach') },
};

/** What happened, to one task and to all. */
export const HISTORY_PATHS: Paths = {
  '/v1/history': { get: HISTORY },
  '/v1/history_stream': { get: HISTORY_STREAM },
};
