import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TaskEvent } from '../../actors/event.ts';
import { TaskQueues } from '../../src/front/task-queues.ts';
import { waitReason } from '../../src/front/wait-reason.ts';
import { WorkerPresence } from '../../src/front/worker-presence.ts';
import type { StoredEvent } from '../../src/log/envelope.ts';
import type { WorkerReport } from '../../src/log/presence.ts';
import { foldHistory, type TaskState } from '../../src/projection/state.ts';
import { completed, date, queued, retried, started } from '../actors/events.ts';
import { Service } from '../support/service.ts';
import { createOne, hello, jsonOf } from './support.ts';

const MOMENT = Date.parse(date(0));
/** Seconds after the beginning of the histories. */
let now = 0;
const clock = () => MOMENT + now * 1_000;

const stored = (events: readonly TaskEvent[], first = 1): StoredEvent[] =>
  events.map(
    (event, index) => ({ key: `key ${first}`, name: 'hello', seq: first + index, event }) as StoredEvent,
  );
const report = (more: Partial<WorkerReport> = {}): WorkerReport => ({
  worker: 'w1',
  tasks: ['hello'],
  full: ['hello'],
  ...more,
});

function reasonOf(events: readonly TaskEvent[], workers: WorkerPresence, open: readonly TaskState[] = []) {
  const history = stored(events, 100);
  const state = foldHistory(history) as TaskState;
  const queues = new TaskQueues({ open: () => open.values() as never });
  return waitReason({ state, history }, { workers, queues }, clock());
}

describe('A task that is queued', () => {
  test('waits for a worker while none knows it, since one was heard of last', () => {
    now = 0;
    const workers = new WorkerPresence(clock);
    now = 5;
    expect(reasonOf([queued()], workers)).toMatchObject({ for: 'worker', since: date(0) });
    workers.heard(report());
    workers.heard(report({ worker: 'w2', tasks: ['sleep'] }));
    now = 11;
    workers.heard(report({ worker: 'w2', tasks: ['sleep'] }));
    expect(reasonOf([queued()], workers)).toEqual({
      for: 'worker',
      since: date(5),
      description: `no worker that is running knows 'hello', since ${date(5)}`,
    });
  });

  test('waits for a place while all that know it are busy, with so many ahead of it', () => {
    now = 0;
    const workers = new WorkerPresence(clock);
    workers.heard(report());
    workers.heard(report({ worker: 'w2' }));
    const open = [1, 2, 3, 200].map((seq) => foldHistory(stored([queued()], seq)) as TaskState);
    expect(reasonOf([queued()], workers, open)).toEqual({
      for: 'place',
      ahead: 3,
      description: "all 2 workers that know 'hello' are busy, 3 tasks are ahead of it",
    });
    workers.heard(report({ full: ['image.thumb'] }));
    expect(reasonOf([queued()], workers, open)?.description).toContain('has room');
    workers.gone('w1');
    workers.gone('w2');
    expect(reasonOf([queued()], workers)?.for).toBe('worker');
  });

  test('waits for its next attempt after a failure, and then as the others do', () => {
    now = 1.5;
    const workers = new WorkerPresence(clock);
    workers.heard(report());
    const history = [queued(), started(1, 0), retried(1, 1)];
    expect(reasonOf(history, workers)).toEqual({
      for: 'next_attempt',
      until: date(2),
      description: `attempt 1 failed, the next one may begin at ${date(2)}: origin answered 503`,
    });
    now = 2.5;
    expect(reasonOf(history, workers)).toEqual({
      for: 'place',
      ahead: 0,
      description: "the worker that knows 'hello' is busy, no tasks are ahead of it",
    });
  });

  test('may wait for its turn where a worker of it was lost, though there is room', () => {
    now = 3;
    const workers = new WorkerPresence(clock);
    workers.heard(report({ full: [] }));
    const again: TaskEvent = { ...started(2), reason: "the worker 'w1' was lost in attempt 1" } as TaskEvent;
    expect(reasonOf([queued(), started(1), again, retried(2)], workers)).toMatchObject({
      for: 'place',
      description: expect.stringMatching(/has room, .* it may be waiting for its turn/),
    });
  });
});

describe('A task that is executing', () => {
  test('waits for nothing while its worker is heard of, and for another one once that is silent', () => {
    now = 0;
    const workers = new WorkerPresence(clock);
    workers.heard(report());
    now = 2;
    expect(reasonOf([queued(), started(1)], workers)).toBeUndefined();
    now = 7.25;
    expect(reasonOf([queued(), started(1)], workers)).toMatchObject({
      for: 'lost_worker',
      worker: 'w1',
      silent_seconds: 7.3,
      description: expect.stringMatching(
        /^its worker 'w1' has been silent for 7.3 s; .* its lease has run out$/,
      ),
    });
    now = 45;
    expect(reasonOf([queued(), started(1)], workers)).toMatchObject({
      for: 'lost_worker',
      silent_seconds: 45,
      description: expect.stringContaining('another one takes over when it has room, or at its turn'),
    });
  });
});

test('A task that has ended waits for nothing', () => {
  now = 0;
  expect(reasonOf([queued(), completed(1)], new WorkerPresence(clock))).toBeUndefined();
});

test('Tasks are counted again only after a while, and later the longer it takes', () => {
  let time = 0;
  let counts = 0;
  const state = foldHistory(stored([queued()])) as TaskState;
  function* open() {
    counts++;
    time += 100;
    yield state;
  }
  const queues = new TaskQueues({ open }, () => time);
  for (time = 0; time < 5_000; time += 50) queues.ahead(state);
  expect(counts).toBe(1);
  time = 6_000;
  queues.ahead(state);
  expect(counts).toBe(2);
});

describe('Details of a status', () => {
  let service: Service;
  beforeAll(async () => {
    service = await Service.start({ WORKERS: '0' });
  });
  afterAll(() => service[Symbol.asyncDispose]());

  test('say what the task waits for; the status itself stays as it is', async () => {
    const status = await createOne(service, hello());
    const ask = (query: string) => service.fetch(`/v1/status?tasks=${status.key}&${query}`);
    const [detailed] = await jsonOf<object[]>(await ask('details=true'));
    expect(detailed).toEqual({
      ...status,
      task: hello(),
      attempts: 0,
      task_metas: {},
      waiting: { for: 'worker', since: expect.any(String), description: expect.stringContaining("'hello'") },
    });
    expect(await jsonOf(await ask(''))).toEqual([status]);
    expect(await jsonOf(await ask('details=true&at=2100-01-01'))).not.toMatchObject([{ waiting: {} }]);
  });
});
