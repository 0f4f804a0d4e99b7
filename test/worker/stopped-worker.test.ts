import { expect, test } from 'vitest';
import {
  attemptsOf,
  create,
  endOf,
  expectOneEndEach,
  type History,
  untilAllEnded,
  untilAllStarted,
  untilHistory,
  workerOf,
} from '../support/histories.ts';
import { Service } from '../support/service.ts';

const signal = (pid: number, name: 'SIGSTOP' | 'SIGCONT'): void => void process.kill(pid, name);

test('a worker that stood still for longer than its lease wakes up to tasks that others have taken', {
  timeout: 60_000,
}, async () => {
  await using service = await Service.start({ WORKERS: '2' });
  const pids = service.processes('worker').map(({ pid }) => pid);
  const keys = await create(service, [
    ...Array.from({ length: 6 }, () => ({ task_name: 'sleep', seconds: 1 })),
    ...Array.from({ length: 6 }, () => ({ task_name: 'sleep', seconds: 8, steps: 20 })),
  ]);
  const started = await untilAllStarted(service, keys);
  const isHeldBy = (pid: number) => (_: string, index: number) =>
    workerOf(started[index] as History, 1) === pid;
  const sleeper = pids.find((pid) => keys.slice(0, 6).some(isHeldBy(pid))) as number;
  signal(sleeper, 'SIGSTOP');
  const short = keys.slice(0, 6).filter(isHeldBy(sleeper));
  try {
    // Its tasks run elsewhere: the short ones end there.
    const taken = await untilAllEnded(service, short, 20_000);
    for (const history of taken) {
      expect(attemptsOf(history)).toEqual([1, 2]);
      expect(workerOf(history, 2)).not.toBe(sleeper);
      expect(endOf(history)).toBe('completed');
    }
  } finally {
    signal(sleeper, 'SIGCONT');
  }

  // Awake again it goes on as if nothing had happened; what it still writes comes after the end.
  const late = await Promise.all(
    short.map((key) => untilHistory(service, key, (history) => history.some((event) => event.late))),
  );
  for (const history of late) {
    expect(endOf(history)).toBe('completed');
    const end = history.findIndex(({ type }) => type === 'completed');
    expect(history[end]?.data.attempt).toBe(2);
    expect(history.map(({ late }) => late ?? false)).toEqual(history.map((_, index) => index > end));
    expect(history.slice(end + 1).map(({ data }) => data.attempt)).toEqual([1]);
  }
  const histories = await untilAllEnded(service, keys, 20_000);
  expect(histories.map(endOf)).toEqual(keys.map(() => 'completed'));
  await expectOneEndEach(service, keys);
  const statuses = (await (await service.post('/v1/status', { tasks: keys })).json()) as { status: string }[];
  expect(statuses.map(({ status }) => status)).toEqual(keys.map(() => 'success'));
  expect(service.processes('worker').map(({ pid }) => pid)).toEqual(pids);
});
