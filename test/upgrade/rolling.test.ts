import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { jetstream } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TaskEvent } from '../../actors/event.ts';
import { freePort } from '../../src/free-port.ts';
import { SCHEMA_VERSION } from '../../src/log/envelope.ts';
import { newKey } from '../../src/log/key.ts';
import { subjectOf } from '../../src/log/subject.ts';
import { type History, untilAllEnded } from '../support/histories.ts';
import { TestLog } from '../support/nats.ts';
import { Program } from '../support/program.ts';
import { until } from '../support/until.ts';
import { type RecordedStatus, recordedLogs } from './fixtures.ts';
import { PUBLIC_URL } from './record.ts';

const SECONDS = 1_000;
const isOpen = ({ status }: RecordedStatus): boolean => status === 'queued' || status === 'executing';

/** A front and a worker of this version, on a log to which others have written before, and go on to write. */
class Upgraded {
  readonly #log: TestLog;
  readonly #programs: readonly Program[];
  readonly #url: string;
  readonly #secret: string;
  readonly publish: (subject: string, record: string) => Promise<unknown>;

  private constructor(
    log: TestLog,
    programs: readonly Program[],
    url: string,
    secret: string,
    publish: Upgraded['publish'],
  ) {
    this.#log = log;
    this.#programs = programs;
    this.#url = url;
    this.#secret = secret;
    this.publish = publish;
  }

  static async start(before: (publish: Upgraded['publish']) => Promise<void>): Promise<Upgraded> {
    // The recorded dates are in the past; no event shall be too old for the log.
    const settings = { RETENTION_DAYS: '3650', FETCH_ALLOW: '127.0.0.1', PUBLIC_URL, ATTEMPTS: '2' };
    const log = await TestLog.start(settings);
    const { connection } = await log.open();
    const publish: Upgraded['publish'] = (subject, record) => jetstream(connection).publish(subject, record);
    await before(publish);
    const port = await freePort();
    const env = { ...settings, NATS_URL: log.url, DATA_DIR: log.config.DATA_DIR, PORT: String(port) };
    const programs = [new Program('front', env), new Program('worker', env)];
    const url = `http://127.0.0.1:${port}`;
    await until(async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.ok, 30 * SECONDS);
    const { accounts } = JSON.parse(await readFile(join(log.config.DATA_DIR, 'accounts.json'), 'utf8'));
    return new Upgraded(log, programs, url, accounts[0].secret, publish);
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(this.#url + path, { ...init, headers: { Authorization: `Secret ${this.#secret}` } });
  }

  post(path: string, body: unknown): Promise<Response> {
    return this.fetch(path, { method: 'POST', body: JSON.stringify(body) });
  }

  async status(key: string): Promise<Record<string, unknown>> {
    const answer = await this.fetch(`/v1/status?tasks=${key}`);
    const [status] = (await answer.json()) as [Record<string, unknown>];
    return status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs) await program[Symbol.asyncDispose]();
    await this.#log[Symbol.asyncDispose]();
  }
}

describe.each(recordedLogs)(
  'a front and a worker on a log that version $version has written',
  ({ records, statuses }) => {
    let service: Upgraded;
    beforeAll(async () => {
      service = await Upgraded.start(async (publish) => {
        for (const { subject, data } of records) await publish(subject, data);
      });
    }, 60 * SECONDS);
    afterAll(() => service[Symbol.asyncDispose]());

    it('show every ended task as it was', async () => {
      for (const expected of Object.values(statuses).filter((status) => !isOpen(status))) {
        const { attempts: _, late: __, task: ___, task_metas: ____, ...status } = expected;
        expect(await service.status(expected.key)).toEqual(status);
      }
    });

    it('bring every open task to its end, with the next attempt', { timeout: 60 * SECONDS }, async () => {
      const { executing, backing_off, queued } = statuses as Record<string, RecordedStatus>;
      const keys = [executing, backing_off, queued].map((status) => status?.key as string);
      const histories = await untilAllEnded(service, keys, 45 * SECONDS);
      const story = (history: History | undefined) =>
        history?.map(({ type }) => type).filter((type) => type !== 'progress');
      expect(histories.map(story)).toEqual([
        ['queued', 'started', 'started', 'completed'],
        // Its source is no more.
        ['queued', 'started', 'retried', 'started', 'failed'],
        ['queued', 'started', 'completed'],
      ]);
    });
  },
);

describe('a front and a worker beside those of the next version', () => {
  let service: Upgraded;
  beforeAll(async () => {
    service = await Upgraded.start(async () => {});
  }, 60 * SECONDS);
  afterAll(() => service[Symbol.asyncDispose]());

  const stamp = () => ({ at: new Date().toISOString().replace('Z', '000+00:00'), account: 'default' });
  const queued = (task_name: string): TaskEvent => ({
    ...{ type: 'queued', ...stamp(), task: { task_name, name: 'John' } },
  });
  /** An event as a later version might write it: with a field that nobody knows today. */
  const write = (name: string, key: string, event: TaskEvent, v = SCHEMA_VERSION + 1) =>
    service.publish(
      subjectOf(name, key, event),
      JSON.stringify({ v, id: newKey(), ...event, region: { name: 'north', zone: 7 } }),
    );

  it('run the tasks that its fronts have created', async () => {
    const key = newKey();
    await write('hello', key, queued('hello'));
    await untilAllEnded(service, [key]);
    expect(await service.status(key)).toMatchObject({ status: 'success', result: 'Hello John' });
  });

  it('show the tasks that only its workers know how to run', async () => {
    const key = newKey();
    const spent = { fetching: 1, running: 1, storing: 1 };
    const shows = (status: object) =>
      until(async () => (isDeepStrictEqual(pick(await service.status(key)), status) ? true : undefined));
    await write('video.hello', key, queued('video.hello'));
    await shows({ status: 'queued' });
    await write('video.hello', key, { type: 'started', ...stamp(), attempt: 1, worker: 'next' });
    await write('video.hello', key, { type: 'progress', ...stamp(), attempt: 1, progress: 50 });
    await shows({ status: 'executing', progress: 50 });
    const end = { attempt: 1, result: 'Salve', outputs: [], spent };
    await write('video.hello', key, { type: 'completed', ...stamp(), ...end });
    await shows({ status: 'success', progress: 50, result: 'Salve' });
  });

  it('pass over what is newer than that, and go on', async () => {
    const [unreadable, readable] = [newKey(), newKey()];
    await write('hello', unreadable, queued('hello'), SCHEMA_VERSION + 2);
    await write('hello', readable, queued('hello'));
    await untilAllEnded(service, [readable]);
    expect((await service.fetch(`/v1/status?tasks=${readable}`)).status).toBe(200);
    const metrics = await (await service.fetch('/metrics')).text();
    expect(metrics).toMatch(/^wyvern_log_unreadable_events 1$/m);
  });
});

/** A status without what differs from run to run. */
function pick({ key: _, events: __, ...status }: Record<string, unknown>): object {
  return status;
}
