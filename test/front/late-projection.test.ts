import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { TaskEvent } from '../../actors/event.ts';
import type { Account } from '../../src/accounts/account.ts';
import { Limits } from '../../src/accounts/limits.ts';
import { checkTasks } from '../../src/front/definitions.ts';
import { files } from '../../src/front/endpoints/files.ts';
import { Exchange } from '../../src/front/exchange.ts';
import type { FrontParts } from '../../src/front/front-parts.ts';
import { StatusFeeds } from '../../src/front/status-feed.ts';
import { StatusView } from '../../src/front/status-view.ts';
import { TaskCreation } from '../../src/front/task-creation.ts';
import { untilEnded } from '../../src/front/waiting.ts';
import type { Creates, Submission, Submitted } from '../../src/log/creates.ts';
import { decodeEvent, type StoredEvent } from '../../src/log/envelope.ts';
import { type Append, type EventLog, type FollowOptions, LogUnavailable } from '../../src/log/log.ts';
import { seal } from '../../src/log/seal.ts';
import { subjectOf } from '../../src/log/subject.ts';
import { Projection } from '../../src/projection/projection.ts';
import type { TaskState } from '../../src/projection/state.ts';
import { completed, started } from '../actors/events.ts';
import { until } from '../support/until.ts';

/** A log that stores at once and reports only when told to, as one does whose follower has yet to come back. */
class LateLog implements Partial<EventLog & Creates> {
  readonly connected = true;
  readonly #stored: StoredEvent[] = [];
  #reported = 0;
  #follower: FollowOptions | undefined;
  /** Appends that are answered, before the log goes out of reach. */
  left = Number.POSITIVE_INFINITY;

  append(entry: Append): Promise<number> {
    return this.appendAll([entry]);
  }

  async submit({ entries }: Submission): Promise<Submitted> {
    const seq = await this.appendAll(entries);
    return { seq, turn: { seq: 0, end: seq } };
  }

  async appendAll(entries: readonly Append[]): Promise<number> {
    if (this.left-- <= 0) throw new LogUnavailable('gone');
    for (const { name, key, event, bytes } of entries) {
      const subject = subjectOf(name, key, event);
      this.#stored.push(decodeEvent(subject, bytes, this.#stored.length + 1));
    }
    return this.#stored.length;
  }

  async follow(options: FollowOptions) {
    this.#follower = options;
    return { caughtUp: Promise.resolve(0), close: async () => {} };
  }

  async history(key: string): Promise<StoredEvent[]> {
    if (this.left <= 0) throw new LogUnavailable('gone');
    return this.#stored.filter((event) => event.key === key);
  }

  report(): void {
    for (const event of this.#stored.slice(this.#reported)) this.#follower?.onEvent(event);
    this.#reported = this.#stored.length;
  }

  /** Lets go of everything, of which nobody is told any more. */
  letGo(): void {
    this.#follower?.onMissed?.(this.#stored.length);
    this.#follower?.onPassed?.(this.#stored.length + 1);
    this.#stored.length = 0;
  }
}

const account: Account = { name: 'a', limits: {}, auditor: false };

async function lateFront(maxEnded = 10) {
  const log = new LateLog();
  const logger = pino({ level: 'silent' });
  const projection = new Projection({ log: log as unknown as EventLog, logger, maxEnded });
  await projection.start();
  const limits = new Limits(() => undefined);
  const creation = new TaskCreation({
    log: log as unknown as EventLog & Creates,
    projection,
    limits,
    room: { admit() {} },
    metrics: { lostTurn() {} },
  });
  /** Creates tasks of which the log reports nothing until it is told to. */
  const submit = async (tasks: unknown): Promise<TaskState[]> => {
    const checked = checkTasks(
      tasks,
      { maxTasks: 10, bodyBytes: 0, credential: { kind: 'secret', value: '' } },
      [],
    );
    return (await creation.create(account, checked)).states;
  };
  /** What a worker does, as yet unseen. */
  const run = async ({ key, name }: TaskState) => {
    await log.append(seal({ key, name }, started(1), '0'.repeat(64)));
    await log.append(seal({ key, name }, completed(1), '0'.repeat(64)));
  };
  return { log, projection, submit, run };
}

/** An exchange whose client takes everything at once; what it was sent. */
function openExchange() {
  const sent: string[] = [];
  let isEnded = false;
  const res = {
    onAborted() {},
    onWritable() {},
    cork: (write: () => void) => write(),
    writeStatus() {},
    writeHeader() {},
    write: (chunk: string) => sent.push(chunk) > 0,
    end() {
      isEnded = true;
    },
  };
  const req = { getHeader: () => '', getMethod: () => 'post', getUrl: () => '/', getQuery: () => '' };
  const exchange = new Exchange(res as unknown as HttpResponse, req as unknown as HttpRequest, () => {});
  return { exchange, sent, ended: () => isEnded };
}

const hellos = [
  { task_name: 'hello', name: 'a' },
  { task_name: 'hello', name: 'b' },
];

test.concurrent('a waiting call waits for tasks that the projection has yet to see', async () => {
  const { log, projection, submit, run } = await lateFront();
  const queued = await submit(hellos);
  expect(queued.map(({ status, seq }) => ({ status, seq }))).toEqual([
    { status: 'queued', seq: 1 },
    { status: 'queued', seq: 2 },
  ]);
  const waiting = untilEnded(projection, queued);
  log.report();
  for (const task of queued) await run(task);
  log.report();
  expect((await waiting).map(({ status }) => status)).toEqual(['success', 'success']);
  expect(projection.watchers).toBe(0);
});

test.concurrent('a feed follows tasks that the projection has yet to see, to their ends', async () => {
  const { log, projection, submit, run } = await lateFront();
  const queued = await submit(hellos);
  const feeds = new StatusFeeds(projection, new StatusView('http://x'));
  const { exchange, sent, ended } = openExchange();
  void feeds.open(exchange, queued, 'body');
  await until(() => sent.length === 1);
  for (const task of queued) await run(task);
  log.report();
  await until(() => ended());
  const told = sent.slice(1).map((line) => JSON.parse(line) as { key: string; status: string });
  expect(told.map(({ key, status }) => `${key} ${status}`)).toEqual(
    queued.flatMap(({ key }) => [`${key} executing`, `${key} success`]),
  );
  expect(feeds.size).toBe(0);
  feeds.close();
});

test.concurrent('a feed that is let go of before the projection has its tasks does not end as if they had', async () => {
  const { log, projection, submit } = await lateFront();
  const queued = await submit(hellos);
  const feeds = new StatusFeeds(projection, new StatusView('http://x'));
  const { exchange, sent, ended } = openExchange();
  const following = feeds.open(exchange, queued);
  await until(() => sent.length === 1);
  feeds.close();
  log.report();
  await following;
  expect(ended()).toBe(false);
  expect(projection.watchers).toBe(0);
});

test.concurrent('tasks that have ended and are not in memory any more are told of too', async () => {
  const { log, projection, submit, run } = await lateFront(1);
  const queued = await submit([...hellos, { task_name: 'hello', name: 'c' }]);
  for (const task of queued) await run(task);
  log.report();
  expect(queued.filter(({ key }) => projection.peek(key))).toHaveLength(1);
  const ended = await untilEnded(projection, queued);
  expect(ended.map(({ status, result }) => [status, result])).toEqual(
    ['a', 'b', 'c'].map(() => ['success', expect.anything()]),
  );
  const feeds = new StatusFeeds(projection, new StatusView('http://x'));
  const { exchange, sent, ended: hasEnded } = openExchange();
  void feeds.open(exchange, queued, 'body');
  await until(() => hasEnded());
  for (const { key } of queued)
    expect(sent.slice(1).filter((line) => line.includes(key) && line.includes('"success"'))).toHaveLength(1);
  feeds.close();
});

test.concurrent('a task that the log lets go of before its feed has begun ends the feed', async () => {
  const { log, projection, submit } = await lateFront();
  const queued = await submit(hellos);
  log.report();
  const feeds = new StatusFeeds(projection, new StatusView('http://x'));
  const { exchange, sent, ended } = openExchange();
  void feeds.open(exchange, queued, 'body');
  projection.forgetBefore(100, 0);
  await until(() => ended());
  expect(sent.slice(1).filter((line) => line.includes('has let go of this task'))).toHaveLength(2);
  feeds.close();
});

test.concurrent('a wait for a task that cannot be read fails, and watches none of the others any more', async () => {
  const { log, projection, submit, run } = await lateFront(1);
  const queued = await submit([...hellos, { task_name: 'hello', name: 'c' }]);
  for (const task of queued.slice(0, 2)) await run(task);
  log.report();
  log.left = 0;
  await expect(untilEnded(projection, queued)).rejects.toThrow(LogUnavailable);
  expect(projection.watchers).toBe(0);
});

test.concurrent('a wait fails for tasks whose ends have gone before they were read, begun before or after that', async () => {
  const { log, projection, submit, run } = await lateFront();
  const queued = await submit(hellos);
  log.report();
  for (const task of queued) await run(task);
  const before = untilEnded(projection, queued);
  await projection.reachedAll(queued);
  log.letGo();
  projection.forgetBefore(100, 0);
  await expect(before).rejects.toThrow(LogUnavailable);
  await expect(untilEnded(projection, queued)).rejects.toThrow(LogUnavailable);
  expect(projection.watchers).toBe(0);
});

test.concurrent('a file that another front has told of is found before its end has come here', async () => {
  const { log, projection, submit } = await lateFront();
  const [task] = await submit([hellos[0]]);
  const { key, name } = task as TaskState;
  log.report();
  const output = {
    ...{ name: 'output', attempt: 1, file: 'output.jpg', content_type: 'image/jpeg', bytes: 3 },
    sha256: 'ab'.repeat(32),
  };
  await log.append(seal({ key, name }, started(1), '0'.repeat(64)));
  await log.append(seal({ key, name }, { ...completed(1), outputs: [output] } as TaskEvent, '0'.repeat(64)));
  expect(projection.peek(key)?.status).toBe('queued');
  const opened: unknown[] = [];
  const storage = {
    open: async (path: unknown) => {
      opened.push(path);
      return undefined;
    },
  };
  const { exchange } = openExchange();
  const parts = { projection, log, storage, connections: { takeOutput: () => () => {} } };
  const find = (file: string) =>
    files(parts as unknown as FrontParts, exchange, `${key}/${file}`).catch(() => {});
  await find('output.jpg');
  await find('other.jpg');
  expect(opened).toEqual([{ key, attempt: 1, file: 'output.jpg' }]);
});

test.concurrent('a refused task that is stored is accepted, though the log goes before its end is written', async () => {
  const { log, submit } = await lateFront();
  log.left = 1;
  expect(await submit([...hellos, { task_name: 'hello' }])).toHaveLength(3);
});
