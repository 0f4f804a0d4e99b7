import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { newKey } from '../../src/log/key.ts';
import { FileEndedTasks } from '../../src/projection/file-ended-tasks.ts';
import { CHUNK_BYTES } from '../../src/projection/growing-file.ts';
import { foldHistory, type TaskState } from '../../src/projection/state.ts';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/until.ts';

const AT = '2026-11-24T12:00:00.000000+00:00';

function endedTask(result: unknown = 'Hello Jane'): TaskState {
  const place = { key: newKey(), name: 'hello', id: 'id' };
  const state = foldHistory([
    { ...place, seq: 1, event: { type: 'queued', at: AT, account: 'acme', task: { task_name: 'hello' } } },
    { ...place, seq: 2, event: { type: 'failed', at: AT, account: 'acme', attempt: 0, error: `${result}` } },
  ]);
  return { ...(state as TaskState), result };
}

interface Kept extends AsyncDisposable {
  readonly ended: FileEndedTasks;
  readonly folder: string;
  readonly warnings: string[];
}

async function keep({ tasks = 1_000, bytes = 1e9, folder = '' } = {}): Promise<Kept> {
  const temporary = await temporaryFolder();
  const warnings: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) });
  const options = { folder: folder || temporary.path, logger, tasks, bytes };
  const ended = await FileEndedTasks.open(options);
  return {
    ended,
    folder: temporary.path,
    warnings,
    [Symbol.asyncDispose]: async () => {
      ended.close();
      await temporary[Symbol.asyncDispose]();
    },
  };
}

/** What is put while a file is made, or the disk is behind, is not kept. */
const putToStay = ({ ended }: Kept, task: TaskState): Promise<unknown> =>
  until(async () => {
    ended.put(task);
    return (await ended.get(task.key)) !== undefined;
  });

describe('ended tasks on disk', () => {
  it('are found as they were put, written or not', async () => {
    await using kept = await keep();
    const tasks = Array.from({ length: 500 }, (_, index) => endedTask(`${index} é €  `.repeat(index * 2)));
    for (const task of tasks) kept.ended.put(task);
    for (const task of tasks) expect(await kept.ended.get(task.key)).toStrictEqual(task);
    expect(await kept.ended.get(newKey())).toBeUndefined();
  });

  it('are found when many are asked for at once, in any order, small and large, near and far', async () => {
    await using kept = await keep({ tasks: 5_000 });
    const repeats = [1, 300, 5];
    const tasks = Array.from({ length: 1_200 }, (_, index) =>
      endedTask(`${index}é`.repeat(index % 40 === 0 ? 25_000 : (repeats[index % 3] as number))),
    );
    for (const task of tasks) await putToStay(kept, task);
    const asked = tasks.flatMap((task, index) => (index % 7 === 3 ? [] : [task])).reverse();
    const order = [...asked.slice(400), ...asked.slice(0, 400), ...asked.slice(0, 5)];
    const found = await Promise.all(order.map(({ key }) => kept.ended.get(key)));
    expect(found).toStrictEqual(order);
  });

  it('leave no name behind, so that they go with their process', async () => {
    await using kept = await keep();
    kept.ended.put(endedTask());
    expect(await readdir(kept.folder)).toEqual([]);
  });

  it('are the newest ones, within their number', async () => {
    await using kept = await keep({ tasks: 10 });
    const tasks = Array.from({ length: 50 }, () => endedTask());
    for (const task of tasks) await putToStay(kept, task);
    for (const task of tasks.slice(-10)) expect(await kept.ended.get(task.key)).toStrictEqual(task);
    for (const task of tasks.slice(0, 20)) expect(await kept.ended.get(task.key)).toBeUndefined();
  });

  it('stay within their bytes', async () => {
    await using kept = await keep({ bytes: 4_000 });
    const [first, ...others] = Array.from({ length: 20 }, () => endedTask('x'.repeat(1_000)));
    for (const task of [first as TaskState, ...others]) await putToStay(kept, task);
    expect(await kept.ended.get((first as TaskState).key)).toBeUndefined();
  });

  it('are not kept if they are larger than one write', async () => {
    await using kept = await keep();
    const large = endedTask('x'.repeat(CHUNK_BYTES));
    kept.ended.put(large);
    expect(await kept.ended.get(large.key)).toBeUndefined();
    expect(kept.warnings).toEqual([]);
  });

  it('are left to the log where the disk fails, with one word about it', async () => {
    await using kept = await keep({ folder: join(process.execPath, 'is no folder') });
    const task = endedTask();
    for (let times = 0; times < 3; times++) kept.ended.put(task);
    expect(await kept.ended.get(task.key)).toBeUndefined();
    expect(kept.warnings).toHaveLength(1);
    expect(kept.warnings[0]).toMatch(/are read from the log/);
  });

  it('are gone after the end', async () => {
    await using kept = await keep();
    const task = endedTask();
    kept.ended.put(task);
    const asked = kept.ended.get(task.key);
    kept.ended.close();
    await asked;
    kept.ended.put(task);
    expect(await kept.ended.get(task.key)).toBeUndefined();
    expect(kept.warnings).toEqual([]);
  });

  it('say nothing of what was still to be written at the end', async () => {
    await using kept = await keep();
    for (let count = 0; count < 6; count++) kept.ended.put(endedTask('x'.repeat(CHUNK_BYTES * 0.9)));
    kept.ended.close();
    await until(async () => (await openFiles(kept.folder)).length === 0);
    expect(kept.warnings).toEqual([]);
  });
});

/** Files of the folder that this process has open, with or without a name. */
async function openFiles(folder: string): Promise<string[]> {
  const files = await readdir('/proc/self/fd');
  const paths = await Promise.all(files.map((file) => readlink(`/proc/self/fd/${file}`).catch(() => '')));
  return paths.filter((path) => path.startsWith(folder));
}
