import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { create, type History, untilAllEnded, untilAllStarted, workerOf } from '../support/histories.ts';
import { connectToLogOf, natsUrlOf, readRawLog } from '../support/raw-log.ts';
import { PROGRAM, Service } from '../support/service.ts';

/** Runs the command to its end. */
function replay(
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<{ code: number; lines: string[]; errors: string }> {
  const { NATS_URL: _, ...inherited } = process.env;
  return new Promise((resolve) => {
    const options = { env: { ...inherited, ...env }, maxBuffer: 1e8 };
    execFile(process.execPath, [PROGRAM, 'replay', ...args], options, (error, stdout, errors) =>
      resolve({ code: Number(error?.code ?? 0), lines: stdout.split('\n').filter(Boolean), errors }),
    );
  });
}

describe('replay', () => {
  test('finds nothing illegal after a worker was killed, reads a log that runs and one at rest alike', {
    timeout: 120_000,
  }, async () => {
    await using folder = await temporaryFolder();
    const at = { DATA_DIR: folder.path };
    let before: Awaited<ReturnType<typeof replay>>;
    let raw: Awaited<ReturnType<typeof readRawLog>>;
    let key = '';
    {
      await using service = await Service.start({ WORKERS: '2' }, folder.path);
      const sleeps = Array(6).fill({ task_name: 'sleep', seconds: 1.5, steps: 3 });
      const picture = { task_name: 'image.thumb', url: `${service.url}/files/sample/raccoon.jpg`, width: 40 };
      const keys = await create(service, [
        ...sleeps,
        { task_name: 'hello', name: 'John' },
        { task_name: 'hello' },
        picture,
      ]);
      const [history] = await untilAllStarted(service, keys.slice(0, 6));
      // Killed in the middle of it, it would have an attempt more than is looked for below.
      await untilAllEnded(service, keys.slice(6), 30_000);
      process.kill(workerOf(history as History, 1) as number, 'SIGKILL');
      await untilAllEnded(service, keys, 30_000);
      const connection = await connectToLogOf(folder.path);
      raw = await readRawLog(connection);
      await connection.close();
      before = await replay(at, '--verify', '--json');
      const remote = { ...at, NATS_URL: await natsUrlOf(folder.path) };
      expect((await replay(remote, '--verify', '--json')).lines).toEqual(before.lines);
      key = keys[6] as string;
    }
    expect(before.code).toBe(0);
    expect(JSON.parse(before.lines.at(-1) as string)).toMatchObject({ tasks: 9, open: 0, illegal: 0 });
    const after = await replay(at, '--verify', '--json');
    expect(after).toMatchObject({ code: 0, lines: before.lines });

    const shown = await replay(at, '--task', key, '--json');
    expect(shown.lines.map((line) => JSON.parse(line).type)).toEqual(['queued', 'started', 'completed']);
    const [, startedLine = '{}'] = shown.lines;
    const state = await replay(at, '--state', `${key}@${JSON.parse(startedLine).seq}`, '--json');
    expect(JSON.parse(state.lines[0] as string)).toMatchObject({
      value: 'executing',
      context: { attempt: 1 },
    });
    expect((await replay(at, '--state', key)).lines.join('')).toContain('"success"');

    const file = join(folder.path, 'log.ndjson.gz');
    expect((await replay(at, '--export', file)).code).toBe(0);
    const exported = gunzipSync(await readFile(file))
      .toString()
      .trimEnd()
      .split('\n')
      .slice(1, -1);
    expect(exported.map((line) => /"data":(.*)\}$/.exec(line)?.[1])).toEqual(raw.map(({ data }) => data));
    expect(exported.map((line) => JSON.parse(line)).map(({ seq, subject }) => [seq, subject])).toEqual(
      raw.map(({ seq, subject }) => [seq, subject]),
    );

    const home = { DATA_DIR: join(folder.path, 'at-home') };
    const summary = JSON.parse(after.lines.at(-1) as string);
    expect((await replay(home, '--import', file)).lines).toEqual([
      `imported ${raw.length} records, events 1 to ${raw.length}, from ${file}`,
    ]);
    const imported = await replay(home, '--verify', '--skip-outputs', '--json');
    expect(JSON.parse(imported.lines.at(-1) as string)).toEqual(summary);
    expect(await replay(home, '--import', file)).toMatchObject({ code: 78, lines: [] });
    expect(await replay(home, '--import', join(folder.path, 'none'))).toMatchObject({ code: 1, lines: [] });
  });

  test('says in one line that there is no log, and is not asked wrongly without a word', async () => {
    await using folder = await temporaryFolder();
    const at = { DATA_DIR: folder.path };
    const nothing = await replay(at);
    expect(nothing.code).toBe(78);
    expect(nothing.errors.trim()).toBe(`there is no log in ${folder.path}`);
    expect((await replay(at, '--from', 'never')).code).toBe(2);
  });
});
