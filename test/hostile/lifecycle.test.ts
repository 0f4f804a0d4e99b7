import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hello, sampleUrl } from '../front/support.ts';
import {
  attemptsOf,
  create,
  endOf,
  type HistoryEvent,
  untilAllEnded,
  untilAllStarted,
  untilHistory,
} from '../support/histories.ts';
import { hasPrlimit } from '../support/prlimit.ts';
import { descendants } from '../support/program.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';

let service: Service;
beforeAll(async () => {
  service = await Service.start({ ATTEMPTS: '20' });
});
afterAll(() => service[Symbol.asyncDispose]());

const workerPid = (): number => service.processes('worker')[0]?.pid as number;
/** Seconds of encoding. */
const slow = (of: Service, width: number) => ({
  task_name: 'image.thumb',
  url: sampleUrl(of),
  width,
  format: 'avif',
});
const quick = (of: Service, width: number) => ({ task_name: 'image.thumb', url: sampleUrl(of), width });

/** A media child that is in the middle of something: it has been at it for a second of processor time. */
async function busyChild(): Promise<number> {
  const children = () => descendants(workerPid()).filter(({ command }) => / media$/.test(command));
  const timeOf = (pid: number): string =>
    execFileSync('ps', ['-o', 'time=', '-p', `${pid}`], { encoding: 'utf8' });
  const seen = new Map<number, string>();
  return until(() => {
    for (const { pid } of children()) {
      const time = timeOf(pid);
      if (seen.has(pid) && seen.get(pid) !== time) return pid;
      seen.set(pid, time);
    }
    return undefined;
  }, 40_000);
}

test('A child that is killed in the middle of its work costs one task one attempt', {
  timeout: 120_000,
}, async () => {
  const before = workerPid();
  const [victim] = (await create(service, [slow(service, 3_300)])) as [string];
  await untilAllStarted(service, [victim]);
  const pid = await busyChild();
  const neighbours = await create(
    service,
    [20, 21, 22, 23].map((width) => quick(service, width)),
  );
  process.kill(pid, 'SIGKILL');

  const [history = [], ...others] = await untilAllEnded(service, [victim, ...neighbours], 60_000);

  expect(endOf(history)).toBe('completed');
  expect(attemptsOf(history)).toEqual([1, 2]);
  expect(history.find(({ type }) => type === 'retried')?.data.reason).toBe(
    'the image decoder stopped unexpectedly (SIGKILL)',
  );
  for (const other of others) expect([endOf(other), attemptsOf(other)]).toEqual(['completed', [1]]);
  expect(workerPid()).toBe(before);
});

describe.runIf(hasPrlimit)('A worker that cannot write any more', () => {
  const limitFiles = (bytes: string) =>
    execFileSync('prlimit', ['--pid', `${workerPid()}`, `--fsize=${bytes}:`]);

  /** An output of ours that is too large to be held in memory when it is a source. */
  async function largeSource(): Promise<string> {
    const [key] = (await create(service, [{ ...quick(service, 900), format: 'png' }])) as [string];
    await untilAllEnded(service, [key], 60_000);
    return `${service.url}/files/${key}/output.png`;
  }

  test.each([
    ['a source', '1000', largeSource, (url: string): string => `File '${url}' could not be spooled`],
    ['an output', '200000', () => sampleUrl(service), (): string => 'the output could not be stored'],
  ])(
    'says so in its tasks, leaves nothing half-done, and goes on when there is room for %s',
    {
      timeout: 120_000,
    },
    async (_what, bytes, source, reason) => {
      const url = await source();
      limitFiles(bytes);
      const task = { ...quick(service, 1_100), format: 'png', url };
      const [key] = (await create(service, [task])) as [string];
      const isRetried = ({ type }: HistoryEvent): boolean => type === 'retried';
      const retried = await untilHistory(service, key, (events) => events.some(isRetried));
      expect(retried.find(isRetried)?.data.reason).toBe(reason(url));
      limitFiles('unlimited');
      const [history = []] = await untilAllEnded(service, [key], 60_000);
      expect(endOf(history)).toBe('completed');
      expect(await readdir(join(service.dataDir, 'files', '.incoming'))).toEqual([]);
      const { outputs } = (history.at(-1) as HistoryEvent).data as { outputs: { file: string }[] };
      expect((await fetch(`${service.url}/files/${key}/${outputs[0]?.file}`)).status).toBe(200);
    },
  );
});

test('A deadline that passes while pixels are encoded ends that task, and its decoder', {
  timeout: 120_000,
}, async () => {
  await using hasty = await Service.start({ TASK_TIMEOUT: '1.5', ATTEMPTS: '1' });
  // 12.9 megapixels of AVIF take several seconds on any machine.
  const keys = await create(hasty, [{ ...slow(hasty, 4_150), quality: 95 }, hello()]);
  const [late = [], greeting = []] = await untilAllEnded(hasty, keys, 30_000);
  expect([endOf(late), endOf(greeting)]).toEqual(['failed', 'completed']);
  expect(late.at(-1)?.data.error).toBe('the task took longer than 1.5 s');
});
