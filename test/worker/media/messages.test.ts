import { describe, expect, it } from 'vitest';
import { TaskFailure } from '../../../actors/failure.ts';
import type { Source } from '../../../src/tasks/definition.ts';
import { until } from '../../support/until.ts';
import { startPool } from './pooling.ts';

describe('a job in a child', () => {
  it('gets its parameters and sources, and gives its result', async () => {
    await using pooling = await startPool();
    const parameters = { text: 'ä', list: [1, null], deep: { flag: true } };
    const source = { url: 'http://a.example/x', path: '/spool/x', bytes: 7 };
    const { pid, ...rest } = (await pooling.give('echo', parameters, [source]).result) as { pid: number };
    expect(rest).toEqual({ parameters, sources: [source] });
    expect(pid).not.toBe(process.pid);
  });

  it('gets the bytes of a source that is held in memory', async () => {
    await using pooling = await startPool();
    const source = { url: 'http://a.example/x', data: Buffer.alloc(2_000_000, 'wyvern'), bytes: 2_000_000 };
    const { sources } = (await pooling.give('echo', {}, [source]).result) as { sources: Source[] };
    expect(Buffer.from(sources[0]?.data ?? []).equals(source.data)).toBe(true);
  });

  it('is heard in order, and its result comes last', async () => {
    await using pooling = await startPool();
    const job = pooling.give('talk');
    expect(await job.result).toBe('talked');
    expect(job.progress).toEqual([1, { half: [true, null] }]);
    expect(job.outputs).toEqual([
      { ...job.outputs[0], name: 'small', extension: 'bin', contentType: 'application/octet-stream' },
      { ...job.outputs[1], name: 'empty' },
    ]);
    const [small, empty] = job.outputs.map(({ data }) => data);
    expect(small).toBeInstanceOf(Uint8Array);
    expect(Buffer.from(small ?? []).toString()).toBe('from the shared pool of buffers');
    expect(empty?.byteLength).toBe(0);
  });

  it('makes no further output before there is room for it', async () => {
    await using pooling = await startPool();
    const rooms: (() => void)[] = [];
    const take = () => new Promise<void>((resolve) => rooms.push(resolve));
    const job = pooling.give('outputs', { names: ['one', 'two'] }, [], take);
    await until(() => rooms.length === 1 || undefined);
    expect(job.progress).toEqual([]);
    rooms[0]?.();
    await until(() => rooms.length === 2 || undefined);
    expect(job.progress).toEqual(['one']);
    rooms[1]?.();
    await job.result;
    expect(job.progress).toEqual(['one', 'two']);
  });

  it('fails with what kept its output from being taken, and its child is not left waiting', async () => {
    await using pooling = await startPool();
    const failure = new TaskFailure('the output could not be stored', { passing: true });
    const job = pooling.give('outputs', { names: ['one', 'two'] }, [], () => Promise.reject(failure));
    expect(await job.failure).toBe(failure);
    expect(job.progress).toEqual([]);
    expect(await pooling.give('talk').result).toBe('talked');
  });

  it('hands over 20 MB intact', async () => {
    await using pooling = await startPool();
    const job = pooling.give('output', { bytes: 20_000_000 });
    expect(await job.result).toBeUndefined();
    expect(Buffer.alloc(20_000_000, 'wyvern').equals(job.outputs[0]?.data ?? Buffer.of())).toBe(true);
  });

  it('is not heard any more after its end', async () => {
    await using pooling = await startPool();
    const first = pooling.give('talkLate');
    await first.result;
    const heard = first.progress.length;
    const second = pooling.give('output', { bytes: 5_000_000 });
    await second.result;
    expect(first.progress).toHaveLength(heard);
    expect(second.progress).toEqual([]);
  });

  it('runs without what the worker knows of NATS, and with few arenas', async () => {
    process.env.NATS_URL = 'nats://user:secret@nats.example';
    try {
      await using pooling = await startPool();
      const names = ['NATS_URL', 'MALLOC_ARENA_MAX', 'PATH'];
      expect(await pooling.give('environment', { names }).result).toEqual(['', '2', process.env.PATH]);
    } finally {
      delete process.env.NATS_URL;
    }
  });
});

describe('an error in a child', () => {
  it.each([false, true])('that is a TaskFailure crosses as one (passing: %s)', async (passing) => {
    await using pooling = await startPool();
    const message = "File 'http://a.example/x' is broken";
    const failure = await pooling.give('fail', { message, passing, cause: 'of libvips' }).failure;
    expect(failure).toBeInstanceOf(TaskFailure);
    expect(failure).toMatchObject({ message, passing, cause: { message: 'of libvips' } });
    expect((failure as { cause: Error }).cause.stack).toContain('scripted-child.mjs');
    expect((await pooling.give('fail', { message }).failure) as Error).not.toHaveProperty('cause');
  });

  it('that is any other crosses as a defect, with its stack', async () => {
    await using pooling = await startPool();
    const failure = await pooling.give('break', { message: 'VipsJpeg: ?' }).failure;
    expect(failure).toBeInstanceOf(Error);
    expect(failure).not.toBeInstanceOf(TaskFailure);
    expect(failure).toMatchObject({ message: 'VipsJpeg: ?' });
    expect((failure as Error).stack).toContain('scripted-child.mjs');
  });

  it.each([
    ['throwText', 'only text'],
    ['throwAtOnce', 'at once'],
    ['returnFunction', 'could not be cloned'],
    ['reportFunction', 'could not be cloned'],
    ['constructor', "knows no task 'constructor'"],
  ])('is a defect, and the child goes on: %s', async (name, text) => {
    await using pooling = await startPool();
    const { pid } = (await pooling.give('echo').result) as { pid: number };
    const failure = await pooling.give(name).failure;
    expect(failure).not.toBeInstanceOf(TaskFailure);
    expect((failure as Error).message).toContain(text);
    expect(await pooling.give('echo').result).toMatchObject({ pid });
  });
});
