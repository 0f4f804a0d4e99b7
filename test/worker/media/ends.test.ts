import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { TaskFailure } from '../../../actors/failure.ts';
import { Decoder } from '../../../src/worker/media/decoder.ts';
import { codeBytes } from '../../../src/worker/media/held-memory.ts';
import { hasPrlimit } from '../../support/prlimit.ts';
import { gone, isAlive, SCRIPTED_CHILD, startPool } from './pooling.ts';

describe('a child that ends by itself', () => {
  it.each([
    ['kill', { signal: 'SIGSEGV' }, 'SIGSEGV'],
    ['kill', { signal: 'SIGABRT' }, 'SIGABRT'],
    ['exit', { code: 3 }, 'exit code 3'],
    ['exit', { code: 0 }, 'exit code 0'],
    ['rejectUnseen', {}, 'exit code 1'],
    ['disconnect', {}, 'SIGKILL'],
  ])('fails its task for a passing reason and is replaced: %s %j', async (name, parameters, how) => {
    await using pooling = await startPool();
    const failure = await pooling.give(name, parameters).failure;
    expect(failure).toBeInstanceOf(TaskFailure);
    expect(failure).toMatchObject({
      message: `the image decoder stopped unexpectedly (${how})`,
      passing: true,
    });
    expect(await pooling.give('echo').result).toHaveProperty('pid');
    expect(pooling.logged).toContainEqual(
      expect.objectContaining({ level: 40, how, msg: 'a media child ended by itself' }),
    );
  });

  it('is not noticed by its neighbours, nor by who waits', async () => {
    await using pooling = await startPool({ size: 2 });
    const [victim, neighbour, waiting] = [
      pooling.give('hang'),
      pooling.giveGated('neighbour'),
      pooling.giveGated('waiting'),
    ];
    const pids = [await victim.running(), await neighbour.running()];
    process.kill(pids[0] as number, 'SIGKILL');
    expect(await victim.failure).toMatchObject({
      message: 'the image decoder stopped unexpectedly (SIGKILL)',
      passing: true,
    });
    expect(pids).not.toContain(await waiting.running());
    await pooling.open('neighbour');
    expect(await neighbour.result).toBe(pids[1]);
    await pooling.open('waiting');
    await waiting.result;
  });

  it('while it is idle is replaced when it is needed', async () => {
    await using pooling = await startPool();
    const { pid } = (await pooling.give('echo').result) as { pid: number };
    process.kill(pid, 'SIGKILL');
    await gone(pid);
    expect(await pooling.give('echo').result).not.toMatchObject({ pid });
  });

  it('before it listens fails each task, and never hangs one', async () => {
    // Ends as soon as it is loaded.
    const modulePath = fileURLToPath(new URL('../../../dist/actors/failure.js', import.meta.url));
    await using pooling = await startPool({ size: 2, childCommand: { modulePath, args: [] } });
    const tasks = Array.from({ length: 5 }, () => pooling.give('echo'));
    const message = 'the image decoder stopped unexpectedly (exit code 0)';
    for (const task of tasks) expect(await task.failure).toMatchObject({ message, passing: true });
  });

  it('may not even have begun', async () => {
    const logger = pino({ level: 'silent' });
    const decoder = new Decoder({ childCommand: SCRIPTED_CHILD, prefix: ['/nonexistent'], logger });
    const { signal } = new AbortController();
    const task = {
      name: 'echo',
      parameters: {},
      sources: [],
      signal,
      onProgress: vi.fn(),
      onOutput: vi.fn(),
    };
    await expect(decoder.run(task)).rejects.toMatchObject({ message: /ENOENT/, passing: true });
    await decoder.exited;
    await expect(decoder.run(task)).rejects.toMatchObject({ passing: true });
  });
});

describe('a child', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('leaves %s to its parent', async (signal) => {
    await using pooling = await startPool();
    const task = pooling.giveGated('gate');
    const pid = await task.running();
    process.kill(pid, signal);
    await pooling.open('gate');
    expect(await task.result).toBe(pid);
  });

  it.each(['hang', 'hangInNativeCode'])('ends when its parent is gone: %s', async (name) => {
    const script = fileURLToPath(new URL('./pool-parent.mjs', import.meta.url));
    const parent = spawn(process.execPath, [script, name], { stdio: ['ignore', 'pipe', 'inherit'] });
    // The child has inherited the pipe, which closes with its last holder.
    const allClosed = once(parent, 'close');
    const [said] = await once(parent.stdout, 'data');
    const pid = Number(String(said));
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await allClosed;
  });

  it.runIf(hasPrlimit)('gets no more memory than its limit, and survives to ask for it', async () => {
    await using pooling = await startPool({ memoryLimitBytes: 500_000_000 });
    const limits = await pooling.give('limits').result;
    const [, bytes = ''] = /Max data size +(\d+) +\1 /.exec(String(limits)) ?? [];
    // Apart from what Node.js sets aside for code, of which a long-lived process such as this may have a little more.
    expect(Number(bytes) - codeBytes()).toBeGreaterThan(495_000_000);
    expect(Number(bytes) - codeBytes()).toBeLessThanOrEqual(500_000_000);
    expect(limits).toMatch(/Max core file size +0 +0 /);
    const { pid } = (await pooling.give('echo').result) as { pid: number };
    const failure = await pooling.give('allocate', { bytes: 1_000_000_000 }).failure;
    expect(failure).toMatchObject({
      message: expect.stringMatching(/allocation failed|Failed to allocate memory/),
    });
    expect(await pooling.give('echo').result).toMatchObject({ pid });
    expect(await pooling.give('allocate', { bytes: 100_000_000 }).result).toBe(100_000_000);
  });

  it('runs without a limit where there is no prlimit, and that is said once', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    try {
      await using pooling = await startPool({ maxTasks: 1 });
      for (let count = 0; count < 3; count += 1) await pooling.give('echo').result;
      expect(pooling.logged.map(({ level, msg }) => [level, msg])).toEqual([
        [20, 'without prlimit the memory of media children is not limited'],
      ]);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
