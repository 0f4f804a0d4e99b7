import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { watchLog } from '../../src/cli/log-watch.ts';
import { LogUnavailable } from '../../src/log/log.ts';
import { lifeOf, openStage, type Stage } from '../log/reading-support.ts';
import { PROGRAM } from '../support/service.ts';
import { until } from '../support/until.ts';

let stage: Stage;
const life = lifeOf('hello');
const TASK = life[0]?.key as string;

beforeAll(async () => {
  stage = await openStage();
  for (const event of life) await stage.writer.append(event);
});

afterAll(() => stage[Symbol.asyncDispose]());

/** The command on the log of the stage, and what it has written. */
function begin(...args: string[]): {
  child: ChildProcess;
  lines: () => string[];
  ended: Promise<number | null>;
} {
  const env = { ...process.env, NATS_URL: stage.server.url };
  const child = spawn(process.execPath, [PROGRAM, 'replay', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { child, lines: () => text.split('\n').filter(Boolean), ended };
}

describe('replay that goes on', () => {
  it.each<[string[], number, NodeJS.Signals, number]>([
    [['--follow'], 6, 'SIGINT', 0],
    // The second event is a thousand seconds later.
    [['--speed', '0.001'], 1, 'SIGTERM', 130],
    [['--speed', '0.001'], 1, 'SIGHUP', 130],
  ])('shows what there is, and ends in order when it is told to: %j', async (args, count, signal, code) => {
    const { child, lines, ended } = begin(...args);
    await until(() => lines().length >= count, 30_000);
    child.kill(signal);
    expect(await ended).toBe(code);
    expect(lines()).toHaveLength(count);
  });

  it.skipIf(!existsSync('/dev/full')).each([[[]], [['--state', TASK]], [['--verify', '--skip-outputs']]])(
    'says that the disk takes no more of it, and ends with 1: %j',
    async (args) => {
      const full = openSync('/dev/full', 'w');
      const env = { ...process.env, NATS_URL: stage.server.url };
      const child = spawn(process.execPath, [PROGRAM, 'replay', ...args], {
        env,
        stdio: ['ignore', full, 'pipe'],
      });
      closeSync(full);
      const [errors, code] = await Promise.all([
        text(child.stderr as Readable),
        new Promise((resolve) => child.once('exit', resolve)),
      ]);
      expect(errors).toMatch(/^cannot write what was read: ENOSPC/m);
      expect(code).toBe(1);
    },
  );

  test('ends when nobody reads it any more', async () => {
    const { child, lines, ended } = begin('--follow');
    await until(() => lines().length >= 6, 30_000);
    child.stdout?.destroy();
    for (const event of lifeOf('hello')) await stage.writer.append(event);
    expect(await ended).toBe(0);
  });
});

describe('a log that goes away', () => {
  const away = () => Promise.reject(new LogUnavailable('not connected to the log'));

  it('is waited for, and given up in the end, both with a word', async () => {
    const told: string[] = [];
    const watch = { signal: new AbortController().signal, tell: (text: string) => told.push(text) };
    const watching = watchLog({ log: { ping: away }, ...watch, everyMs: 1, giveUpMs: 20 });
    await expect(watching).rejects.toThrow('the log has not answered for 0.02 s');
    expect(told).toEqual(['not connected to the log; waiting 0.02 s for it']);
  });

  it('is not given up when it comes back', async () => {
    const told: string[] = [];
    const abort = new AbortController();
    let asked = 0;
    const ping = () => {
      asked++;
      if (asked === 5) abort.abort();
      return asked === 2 ? away() : Promise.resolve(1);
    };
    await watchLog({ log: { ping }, signal: abort.signal, tell: (text) => told.push(text), everyMs: 1 });
    expect(told).toEqual(['not connected to the log; waiting 30 s for it', 'the log is back']);
  });
});
