import type { Queued, StoredOutput, TaskEvent } from '../../actors/event.ts';
import { StatusView } from '../../src/front/status-view.ts';
import { decodeEvent, hashOf } from '../../src/log/envelope.ts';
import { seal } from '../../src/log/seal.ts';
import { subjectOf } from '../../src/log/subject.ts';
import { foldHistory } from '../../src/projection/state.ts';
import type { RawRecord } from '../support/raw-log.ts';
import { type Evidence, eventsIn } from './evidence.ts';
import type {
  Observation,
  SeenCreate,
  SeenFeed,
  SeenFile,
  SeenStatus,
  SeenStatuses,
} from './observations.ts';

export const PUBLIC_URL = 'http://127.0.0.1:8080';
const view = new StatusView(PUBLIC_URL);

const key = (letter: string): string => `01M87GFWMB6891BH8WR3FPMT0${letter}`;
export const KEYS = { hello: key('A'), thumb: key('B'), twice: key('C'), canceled: key('D') } as const;

const at = (second: number): string => `2026-11-24T19:00:${String(second).padStart(2, '0')}.000000+00:00`;
const stamp = (second: number) => ({ at: at(second), account: 'acme' });
const queued = (second: number, task: Queued['task'], request: number, index: number): Queued => ({
  ...{ type: 'queued', ...stamp(second), task, task_metas: { request, index } },
});
const started = (second: number, attempt: number): TaskEvent => ({
  ...{ type: 'started', ...stamp(second), attempt, worker: 'w' },
});
const completed = (
  second: number,
  attempt: number,
  result: unknown,
  outputs: StoredOutput[] = [],
): TaskEvent => ({
  ...{ type: 'completed', ...stamp(second), attempt, result, outputs },
  spent: { fetching: 1, running: 1, storing: 1 },
});
const output = (attempt: number): StoredOutput => ({
  ...{ name: 'output', attempt, file: 'output.jpg', content_type: 'image/jpeg', bytes: 9 },
  sha256: String(attempt).repeat(64),
});

export const HELLO = { task_name: 'hello', name: 'John' };
const THUMB = { task_name: 'image.thumb', url: 'http://127.0.0.1/picture', width: 8 };
const SLEEP = { task_name: 'sleep', seconds: 60 };

/** What happened, in the order of the log. */
const EVENTS: readonly (readonly [string, string, TaskEvent])[] = [
  [KEYS.hello, 'hello', queued(1, HELLO, 1, 0)],
  [KEYS.thumb, 'image.thumb', queued(1, THUMB, 1, 1)],
  [KEYS.hello, 'hello', started(2, 1)],
  [KEYS.thumb, 'image.thumb', started(2, 1)],
  [KEYS.hello, 'hello', completed(3, 1, 'Hello John')],
  [KEYS.twice, 'hello', queued(4, HELLO, 2, 0)],
  [KEYS.twice, 'hello', started(5, 1)],
  [KEYS.twice, 'hello', completed(6, 1, 'Hello John')],
  [KEYS.canceled, 'sleep', queued(7, SLEEP, 3, 0)],
  [KEYS.canceled, 'sleep', { type: 'canceled', ...stamp(8), attempt: 0 }],
  // Its first worker had died.
  [KEYS.thumb, 'image.thumb', started(13, 2)],
  [KEYS.thumb, 'image.thumb', completed(14, 2, { width: 8 }, [output(2)])],
];

/** The log of these events. Each builds on the one before it of its task. */
export function recordsOf(events: readonly (readonly [string, string, TaskEvent])[]): RawRecord[] {
  const last = new Map<string, string>();
  return events.map(([task, name, event], index) => {
    const place = { name, key: task };
    const before = last.get(task) ?? '';
    const { bytes } = event.type === 'queued' ? seal(place, event) : seal(place, event, before);
    last.set(task, hashOf(bytes));
    const subject = subjectOf(name, task, event);
    return { seq: index + 1, subject, data: bytes.toString(), storedAt: Date.parse(event.at) };
  });
}

/** The status that a task had when so many of its events were in the log. */
export function statusAfter(records: readonly RawRecord[], task: string, count: number): SeenStatus {
  const events = records
    .map(({ subject, data, seq }) => decodeEvent(subject, Buffer.from(data), seq))
    .filter((event) => event.key === task)
    .slice(0, count);
  const state = foldHistory(events);
  if (!state) throw new Error('no such task');
  return JSON.parse(view.json(state));
}

/** A small run in which every promise was kept. */
export function soundEvidence(): Evidence {
  const records = recordsOf(EVENTS);
  const status = (task: string, count: number) => statusAfter(records, task, count);
  let call = 10;
  const asked = (askedAt: number, front = 0) => ({ call: ++call, front, account: 'acme', askedAt });
  const create = (askedAt: number, request: number, tasks: readonly object[], body: unknown): SeenCreate => ({
    ...{ ...asked(askedAt), kind: 'create', request, tasks, block: false, idempotencyKey: undefined },
    answer: { at: askedAt + 5, status: 200, body },
  });
  const first = [status(KEYS.hello, 1), status(KEYS.thumb, 1)];
  const twice = { ...create(400, 2, [HELLO], [status(KEYS.twice, 1)]), idempotencyKey: 'twice' };
  const told = [[status(KEYS.hello, 1)], status(KEYS.hello, 2), status(KEYS.hello, 3)];
  const feed: SeenFeed = {
    ...{ ...asked(110), kind: 'feed', closed: 'ended', closedAt: 300 },
    answer: { at: 111, status: 200, body: told[0] },
    lines: told.map((value, index) => ({ at: 111 + 90 * index, value })),
  };
  const asks = (askedAt: number, kind: SeenStatuses['kind'], body: SeenStatus[]): SeenStatuses => ({
    ...{ ...asked(askedAt), kind, keys: body.map(({ key: task }) => task), block: false },
    answer: { at: askedAt + 5, status: 200, body },
  });
  const file = (askedAt: number, front: number): SeenFile => ({
    ...{ ...asked(askedAt, front), kind: 'file', key: KEYS.thumb, sha256: '2'.repeat(64) },
    answer: { at: askedAt + 5, status: 200, body: undefined },
  });
  const seen: Observation[] = [
    create(100, 1, [HELLO, THUMB], first),
    feed,
    twice,
    {
      ...twice,
      call: 90,
      front: 1,
      askedAt: 650,
      answer: { at: 655, status: 200, body: [status(KEYS.twice, 3)] },
    },
    create(700, 3, [SLEEP], [status(KEYS.canceled, 1)]),
    asks(800, 'cancel', [status(KEYS.canceled, 2)]),
    asks(900, 'status', [status(KEYS.thumb, 2)]),
    asks(1_500, 'status', [status(KEYS.thumb, 4), status(KEYS.hello, 3)]),
    file(1_600, 0),
    file(1_600, 1),
  ];
  const probes = [0, 1].map((front) => ({ front, account: 'acme', full: 200, overfull: 401 }));
  const history = eventsIn(records).map(({ seq, key: task, event }) => ({
    seq,
    type: event.type,
    key: task,
  }));
  return {
    ...{ records, seen, probes, struck: [], publicUrl: PUBLIC_URL },
    ...{ told: [{ account: 'acme', events: history }], toldUpTo: records.length },
  };
}
