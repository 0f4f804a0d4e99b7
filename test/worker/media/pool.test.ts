import { describe, expect, it } from 'vitest';
import { TaskFailure } from '../../../actors/failure.ts';
import { hasPrlimit } from '../../support/prlimit.ts';
import { until } from '../../support/until.ts';
import { gone, isAlive, runIn, startPool } from './pooling.ts';

const pidOf = (result: unknown) => (result as { pid: number }).pid;

describe('the pool', () => {
  it('uses a warm child again before it starts another', async () => {
    await using pooling = await startPool({ size: 4 });
    const first = pidOf(await pooling.give('echo').result);
    for (let count = 0; count < 5; count += 1) expect(pidOf(await pooling.give('echo').result)).toBe(first);
  });

  it('runs as many tasks at once as it has children, the others after them', async () => {
    await using pooling = await startPool({ size: 2 });
    const tasks = ['a', 'b', 'c'].map((gate) => pooling.giveGated(gate));
    const [a, b, c] = tasks as [(typeof tasks)[0], (typeof tasks)[0], (typeof tasks)[0]];
    const pids = [await a.running(), await b.running()];
    expect(new Set(pids).size).toBe(2);
    expect(c.progress).toEqual([]);
    await pooling.open('b');
    expect(await b.result).toBe(pids[1]);
    expect(await c.running()).toBe(pids[1]);
    await pooling.open('a');
    await pooling.open('c');
    expect(await Promise.all([a.result, c.result])).toEqual(pids);
  });

  it('takes waiting tasks in the order in which they came', async () => {
    await using pooling = await startPool();
    const ended: number[] = [];
    const first = pooling.giveGated('first');
    const others = [1, 2, 3, 4].map((number) =>
      pooling.give('echo').result.then(() => {
        ended.push(number);
      }),
    );
    await pooling.open('first');
    await Promise.all([first.result, ...others]);
    expect(ended).toEqual([1, 2, 3, 4]);
  });

  it('replaces a child after its share of tasks, whether they went well or not', async () => {
    await using pooling = await startPool({ maxTasks: 2 });
    const pids: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      pids.push(pidOf(await pooling.give('echo').result));
      await pooling.give('break', { message: 'x' }).failure;
    }
    expect(new Set(pids).size).toBe(3);
    expect(pooling.logged.filter(({ level }) => (level as number) > 20)).toEqual([]);
  });

  it('replaces a child that keeps more memory than it may once its task is over', async () => {
    await using small = await startPool({ maxHeldBytes: 1 });
    const pids = [await small.give('echo').result, await small.give('echo').result].map(pidOf);
    expect(new Set(pids).size).toBe(2);
    await using large = await startPool({ maxHeldBytes: 10 ** 12 });
    const [first, second] = [await large.give('echo').result, await large.give('echo').result].map(pidOf);
    expect(first).toBe(second);
  });

  it.runIf(hasPrlimit)('counts also memory that a child has set aside and not used', async () => {
    await using pooling = await startPool({ maxHeldBytes: 500_000_000 });
    const first = pidOf(await pooling.give('echo').result);
    expect(await pooling.give('reserve', { bytes: 600_000_000 }).result).toBe(first);
    expect(pidOf(await pooling.give('echo').result)).not.toBe(first);
  });

  it('replaces worn children while tasks wait', async () => {
    await using pooling = await startPool({ size: 2, maxTasks: 1 });
    const results = await Promise.all(Array.from({ length: 7 }, () => pooling.give('echo').result));
    expect(new Set(results.map(pidOf)).size).toBe(7);
  });
});

describe.runIf(hasPrlimit)('a task for which memory is short', () => {
  // A child begins with some 100 MB of it.
  const limited = { memoryLimitBytes: 900_000_000, maxHeldBytes: 10 ** 12 };

  it('in a child that has run others is run in a new one before it fails', async () => {
    await using pooling = await startPool(limited);
    const worn = await pooling.give('keep', { bytes: 400_000_000 }).result;
    const task = pooling.give('need', { bytes: 500_000_000 });
    const fresh = await task.result;
    expect(task.progress).toEqual([worn, fresh]);
    expect(task.outputs.map(({ name }) => name)).toEqual(['first', 'second']);
    await gone(worn as number);
    expect(pidOf(await pooling.give('echo').result)).toBe(fresh);
  });

  it('also in a new child fails, and is not tried again', async () => {
    await using pooling = await startPool(limited);
    const bytes = 2_000_000_000;
    const first = pooling.give('need', { bytes });
    expect(await first.failure).toBeInstanceOf(TaskFailure);
    expect(await first.failure).toMatchObject({ message: 'needs more memory', passing: false });
    expect(first.progress).toHaveLength(1);
    const second = pooling.give('need', { bytes });
    expect(await second.failure).toMatchObject({ message: 'needs more memory', passing: false });
    expect(new Set(second.progress).size).toBe(2);
    expect(pidOf(await pooling.give('echo').result)).toBe(second.progress[1]);
  });

  it('may be aborted while it is run again', async () => {
    await using pooling = await startPool(limited);
    const worn = await pooling.give('keep', { bytes: 400_000_000 }).result;
    const task = pooling.give('need', { bytes: 500_000_000, path: '/nonexistent' });
    await gone(worn as number);
    await until(() => task.progress[1], 25_000);
    task.abort('canceled');
    expect(await task.failure).toBe('canceled');
    expect(await pooling.give('echo').result).toHaveProperty('pid');
  });
});

describe('an aborted task', () => {
  it.each(['hang', 'hangInNativeCode', 'hangInJavaScript'])(
    'that runs is killed, and the next one works: %s',
    async (name) => {
      await using pooling = await startPool();
      const task = pooling.give(name);
      const pid = await task.running();
      const reason = new Error('canceled');
      task.abort(reason);
      expect(await task.failure).toBe(reason);
      expect(pidOf(await pooling.give('echo').result)).not.toBe(pid);
      await gone(pid);
      expect(pooling.logged.filter(({ level }) => (level as number) > 20)).toEqual([]);
    },
  );

  it('that waits leaves the queue, and disturbs none', async () => {
    await using pooling = await startPool();
    const first = pooling.giveGated('first');
    const pid = await first.running();
    const [second, third] = [pooling.give('echo'), pooling.give('echo')];
    const reason = new Error('canceled');
    second.abort(reason);
    expect(await second.failure).toBe(reason);
    await pooling.open('first');
    expect(await first.result).toBe(pid);
    expect(pidOf(await third.result)).toBe(pid);
  });

  it('that was aborted before never starts', async () => {
    await using pooling = await startPool();
    const run = runIn(pooling.pool, {
      name: 'echo',
      parameters: {},
      sources: [],
      signal: AbortSignal.abort('before'),
      onProgress: () => {},
      onOutput: async () => {},
    });
    await expect(run).rejects.toBe('before');
  });

  it('may be aborted after its end: its child goes on', async () => {
    await using pooling = await startPool();
    const task = pooling.give('echo');
    const pid = pidOf(await task.result);
    const next = pooling.giveGated('next');
    task.abort('too late');
    await pooling.open('next');
    expect(await next.result).toBe(pid);
  });

  it('in the moment in which it gets its child gives it back', async () => {
    await using pooling = await startPool();
    const task = pooling.give('hang');
    task.abort('at once');
    expect(await task.failure).toBe('at once');
    expect(await pooling.give('echo').result).toHaveProperty('pid');
  });
});

describe('a decoder that is lent', () => {
  it('and given back is free for the next, once', async () => {
    await using pooling = await startPool();
    const { signal } = new AbortController();
    const lent = await pooling.pool.lend('quick', signal);
    const second = pooling.give('echo');
    lent.giveBack();
    lent.giveBack();
    const ended: string[] = [];
    const gated = pooling.giveGated('gate');
    const third = pooling.give('echo');
    const tasks = [
      gated.result.then(() => ended.push('gated')),
      third.result.then(() => ended.push('third')),
    ];
    await second.result;
    await gated.running();
    await pooling.open('gate');
    await Promise.all(tasks);
    expect(ended).toEqual(['gated', 'third']);
  });
});

describe('close', () => {
  it('ends what runs and what waits with a passing failure, and leaves no child', async () => {
    await using pooling = await startPool({ size: 2 });
    const running = [pooling.give('hang'), pooling.give('hangInNativeCode')];
    const waiting = pooling.give('echo');
    const pids = await Promise.all(running.map((task) => task.running()));
    await pooling.pool.close();
    for (const task of [...running, waiting]) {
      expect(await task.failure).toBeInstanceOf(TaskFailure);
      expect(await task.failure).toMatchObject({ message: 'the worker stopped', passing: true });
    }
    expect(pids.map(isAlive)).toEqual([false, false]);
    expect(await pooling.give('echo').failure).toMatchObject({ message: 'the worker stopped' });
    await pooling.pool.close();
  });

  it('waits for killed children that another has replaced', async () => {
    await using pooling = await startPool();
    const task = pooling.give('hang');
    const pid = await task.running();
    task.abort('canceled');
    await pooling.pool.close();
    expect(isAlive(pid)).toBe(false);
  });

  it('kills idle children', async () => {
    await using pooling = await startPool();
    const pid = pidOf(await pooling.give('echo').result);
    await pooling.pool.close();
    expect(isAlive(pid)).toBe(false);
  });
});
