import { at, hello, JOHN, KEY, lines } from './examples.ts';
import { type Examples, only } from './parts.ts';

const john = [
  { seq: 41, time: at(JOHN[0]), type: 'queued', key: KEY, data: { task: hello('John') } },
  { seq: 42, time: at(JOHN[1]), type: 'started', key: KEY, data: { attempt: 1, worker: 'media-1-4711' } },
  {
    seq: 43,
    time: at(JOHN[2]),
    type: 'completed',
    key: KEY,
    data: { attempt: 1, result: 'Hello John', outputs: [], spent: { fetching: 0, running: 0.4, storing: 0 } },
  },
] as const;

export const historyAnswer: Examples = only('A greeting', john);

const GAP = { from: 1, to: 40 };
const recorded = john.map(({ data, ...place }) => ({ ...place, task_name: 'hello', account: 'acme', data }));
const EVENTS = lines({ gap: GAP }, ...recorded, { heartbeat: { seq: 43 } });

const envelope = {
  specversion: '1.0',
  source: 'https://wyvern.example',
  datacontenttype: 'application/json',
};
const CLOUD_EVENTS = lines(
  { ...envelope, id: 'gap-1-40', type: 'wyvern.log.gap', data: GAP },
  ...recorded.map(({ seq, time, type, key, task_name: taskname, account, data }) => ({
    ...envelope,
    id: String(seq),
    type: `wyvern.task.${type}`,
    subject: key,
    time,
    taskname,
    account,
    data,
  })),
);

const ndjson = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join('');

export const eventFeed: Examples = {
  events: { summary: 'The log began to forget; then a greeting, and nothing new', value: ndjson(EVENTS) },
  cloudevents: { summary: 'The same as CloudEvents, without the heartbeat', value: ndjson(CLOUD_EVENTS) },
};
export const sseEventFeed: Examples = only(
  'The same as Server-Sent Events: their ids are sequences, and the heartbeat is one of them, without data',
  [
    ...EVENTS.slice(0, -1).map((text, index) => `id: ${40 + index}\ndata: ${text}\n\n`),
    ': nothing new\nid: 43\n\n',
  ].join(''),
);
