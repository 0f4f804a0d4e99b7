import { type ChildProcess, spawn } from 'node:child_process';
import type { ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { hashOf, type StoredEvent } from '../../src/log/envelope.ts';
import { eventDate } from '../../src/log/event-date.ts';
import type { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { newKey } from '../../src/log/key.ts';
import { seal } from '../../src/log/seal.ts';
import { Blackhole } from '../support/blackhole.ts';
import { HttpOrigin } from '../support/http-origin.ts';
import { TestLog } from '../support/nats.ts';
import { gradient, pipeline } from '../support/picture.ts';
import { until } from '../support/until.ts';

/** Another worker has the task within 10 s of the last word of the first; the rest is for slow machines. */
const TAKEN_MS = 25_000;
const TIMEOUT = { timeout: 90_000 };

/** A worker process; it ends with its scope, also when it has been stopped. */
class TestWorker {
  readonly #process: ChildProcess;

  constructor(server: TestLog, env: Readonly<Record<string, string>> = {}) {
    const program = fileURLToPath(new URL('./blocking-worker.mjs', import.meta.url));
    this.#process = spawn(process.execPath, [program], {
      env: {
        ...process.env,
        NATS_URL: server.url,
        DATA_DIR: server.config.DATA_DIR,
        LOG_LEVEL: 'fatal',
        GRACE: '0',
        FETCH_ALLOW: '127.0.0.1',
        BLOCK_MS: '0',
        ...env,
      },
      stdio: 'ignore',
    });
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): void {
    this.#process.kill(signal);
  }

  async ended(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null)
      await new Promise((resolve) => this.#process.once('exit', resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.ended();
  }
}

async function queue(
  log: JetStreamLog,
  task: { task_name: string; [name: string]: unknown },
): Promise<string> {
  const key = newKey();
  const place = { name: task.task_name, key };
  await log.append(seal(place, { type: 'queued', at: eventDate(), account: 'acme', task }));
  return key;
}

/** `started 2 by 4711`: the events with their attempts, and who started them. */
const told = (history: readonly StoredEvent[]): string[] =>
  history.map(({ event }) => {
    const attempt = 'attempt' in event ? ` ${event.attempt}` : '';
    return `${event.type}${attempt}${event.type === 'started' ? ` by ${/\d+$/.exec(event.worker)}` : ''}`;
  });

/** Waits until this has happened to the task; resolves with all that has. */
const untilTold = (log: JetStreamLog, key: string, what: string, timeoutMs?: number): Promise<string[]> =>
  until(async () => {
    const history = told(await log.history(key).catch(() => []));
    return history.includes(what) ? history : undefined;
  }, timeoutMs);

describe.concurrent('a worker that is handed a task for the first time which another has begun', () => {
  // As in a log that was imported.
  test(
    'leaves that attempt to the other, and makes the next one when the lease is over',
    TIMEOUT,
    async () => {
      await using server = await TestLog.start();
      const { log } = await server.open();
      const task = { task_name: 'sleep', seconds: 3_600, steps: 0 };
      const ref = { name: 'sleep', key: newKey() };
      const first = seal(ref, { type: 'queued', at: eventDate(), account: 'acme', task });
      const begun = {
        type: 'started',
        at: eventDate(),
        account: 'acme',
        attempt: 1,
        worker: 'elsewhere-1',
      } as const;
      for (const entry of [first, seal(ref, begun, hashOf(first.bytes))]) await log.append(entry);
      await using worker = new TestWorker(server);
      await untilTold(log, ref.key, `started 2 by ${worker.pid}`, TAKEN_MS);
    },
  );
});

describe.concurrent('a worker that loses its lease', () => {
  test('because its event loop is blocked finds its task ended by another', TIMEOUT, async () => {
    await using server = await TestLog.start();
    const { log } = await server.open();
    await using blocked = new TestWorker(server, { BLOCK_MS: '15000' });
    const key = await queue(log, { task_name: 'test.block' });
    await untilTold(log, key, `started 1 by ${blocked.pid}`);
    await using other = new TestWorker(server);
    await untilTold(log, key, 'completed 2', TAKEN_MS);

    // Awake again it says what it has to say, and changes nothing.
    await until(async () => {
      const awake = (await log.history(key)).filter(
        ({ event }) => event.type === 'progress' && event.attempt === 1,
      );
      return awake.length > 0;
    }, TAKEN_MS);
    expect(told(await log.history(key))).toEqual([
      'queued',
      `started 1 by ${blocked.pid}`,
      `started 2 by ${other.pid}`,
      'progress 2',
      'completed 2',
      'progress 1',
    ]);
  });

  test(
    'because it is cut off still ends its task, if it is the first to come back with an end',
    TIMEOUT,
    async () => {
      await using server = await TestLog.start();
      const { log } = await server.open();
      await using way = await Blackhole.start(Number(new URL(server.url).port));
      const url = new URL(server.url);
      url.port = String(way.port);
      await using cutOff = new TestWorker(server, { NATS_URL: url.href });
      const key = await queue(log, { task_name: 'sleep', seconds: 14, steps: 0 });
      await untilTold(log, key, `started 1 by ${cutOff.pid}`);
      way.cut();
      await using other = new TestWorker(server);
      await untilTold(log, key, `started 2 by ${other.pid}`, TAKEN_MS);
      way.mend();
      const history = await untilTold(log, key, 'completed 1', TAKEN_MS);
      expect(history).toEqual([
        'queued',
        `started 1 by ${cutOff.pid}`,
        `started 2 by ${other.pid}`,
        'completed 1',
      ]);
      // The other one notices, and has room for what comes next.
      const next = await queue(log, { task_name: 'hello', name: 'next' });
      await untilTold(log, next, 'completed 1');
      expect(told(await log.history(key))).toEqual(history);
    },
  );

  test('because it stood still does not take the task away from who has it now', TIMEOUT, async () => {
    const picture = await pipeline(gradient(8, 8)).jpeg().toBuffer();
    const asked: ServerResponse[] = [];
    await using origin = await HttpOrigin.start((_, response) => void asked.push(response));
    await using server = await TestLog.start();
    const { log } = await server.open();
    await using stopped = new TestWorker(server);
    const key = await queue(log, { task_name: 'image.info', url: `${origin.url}/picture.jpg` });
    await untilTold(log, key, `started 1 by ${stopped.pid}`);
    await until(() => (asked.length === 1 ? true : undefined));
    stopped.signal('SIGSTOP');
    await using other = new TestWorker(server, { CONCURRENCY: '1' });
    await untilTold(log, key, `started 2 by ${other.pid}`, TAKEN_MS);
    await until(() => (asked.length === 2 ? true : undefined));
    // A third one has room, and takes what there is.
    await using _third = new TestWorker(server);
    const greet = async (): Promise<void> => {
      const next = await queue(log, { task_name: 'hello', name: 'next' });
      await untilTold(log, next, 'completed 1', TAKEN_MS);
    };
    await greet();

    // It wakes up to be told to stop, and hands back what it holds.
    stopped.signal('SIGTERM');
    stopped.signal('SIGCONT');
    await stopped.ended();
    // A task that is given back is handed out before any that is new.
    await greet();
    asked[1]?.end(picture);
    await untilTold(log, key, 'completed 2');
    expect(told(await log.history(key))).toEqual([
      'queued',
      `started 1 by ${stopped.pid}`,
      `started 2 by ${other.pid}`,
      'retried 1',
      'completed 2',
    ]);
  });
});

test.concurrent(
  'a task that waits for its next attempt has it, and not too early, though its worker and nats-server died',
  TIMEOUT,
  async () => {
    const picture = await pipeline(gradient(8, 8)).jpeg().toBuffer();
    let requests = 0;
    await using origin = await HttpOrigin.start((_, response) => {
      if (++requests > 1) return void response.end(picture);
      response.writeHead(503, { 'Retry-After': '4' }).end();
    });
    await using server = await TestLog.start();
    const { log } = await server.open();
    await using first = new TestWorker(server);
    const key = await queue(log, { task_name: 'image.info', url: `${origin.url}/picture.jpg` });
    await untilTold(log, key, 'retried 1', TAKEN_MS);
    process.kill(first.pid, 'SIGKILL');
    await server.kill();
    server.restart();
    await until(() => (log.connected ? true : undefined));
    await using second = new TestWorker(server);
    await untilTold(log, key, 'completed 2', TAKEN_MS);
    const history = await log.history(key);
    expect(told(history)).toEqual([
      'queued',
      `started 1 by ${first.pid}`,
      'retried 1',
      `started 2 by ${second.pid}`,
      'completed 2',
    ]);
    const [, , retried, again] = history.map(({ event }) => event);
    // Timers may be early by a little.
    const next = retried?.type === 'retried' ? Date.parse(retried.next) : Number.NaN;
    expect(Date.parse(again?.at as string)).toBeGreaterThan(next - 100);
  },
);
