import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { TaskFailure } from '../../../actors/failure.ts';
import { until } from '../../support/until.ts';
import { gone, startPool } from './pooling.ts';

describe('a task in a child', () => {
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
    const digest = createHash('sha256').update(source.data).digest('hex');
    expect(await pooling.give('digests', {}, [source]).result).toEqual([digest]);
  });

  it('is heard in order, and its result comes last', async () => {
    await using pooling = await startPool();
    const task = pooling.give('talk');
    expect(await task.result).toBe('talked');
    expect(task.progress).toEqual([1, { half: [true, null] }]);
    expect(task.outputs).toEqual([
      { ...task.outputs[0], name: 'small', extension: 'png', contentType: 'image/png' },
      { ...task.outputs[1], name: 'empty' },
    ]);
    const [small, empty] = task.outputs.map(({ data }) => data);
    expect(small).toBeInstanceOf(Uint8Array);
    expect(Buffer.from(small ?? []).toString()).toBe('from the shared pool of buffers');
    expect(empty?.byteLength).toBe(0);
  });

  it('makes no further output before there is room for it', async () => {
    await using pooling = await startPool();
    const rooms: (() => void)[] = [];
    const take = () => new Promise<void>((resolve) => rooms.push(resolve));
    const task = pooling.give('outputs', { names: ['one', 'two'] }, [], take);
    await until(() => rooms.length === 1);
    expect(task.progress).toEqual([]);
    rooms[0]?.();
    await until(() => rooms.length === 2);
    expect(task.progress).toEqual(['one']);
    rooms[1]?.();
    await task.result;
    expect(task.progress).toEqual(['one', 'two']);
  });

  it('fails with what kept its output from being taken, and its child is not left waiting', async () => {
    await using pooling = await startPool();
    const failure = new TaskFailure('the output could not be stored', { passing: true });
    const task = pooling.give('outputs', { names: ['one', 'two'] }, [], () => Promise.reject(failure));
    expect(await task.failure).toBe(failure);
    expect(task.progress).toEqual([]);
    expect(await pooling.give('talk').result).toBe('talked');
  });

  it('hands over 20 MB intact', async () => {
    await using pooling = await startPool();
    const task = pooling.give('output', { bytes: 20_000_000 });
    expect(await task.result).toBeUndefined();
    expect(Buffer.alloc(20_000_000, 'wyvern').equals(task.outputs[0]?.data ?? Buffer.of())).toBe(true);
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

  it('runs without what the worker knows of NATS, and with few arenas and threads', async () => {
    process.env.NATS_URL = 'nats://user:secret@nats.example';
    process.env.UV_THREADPOOL_SIZE = '32';
    try {
      await using pooling = await startPool();
      const names = ['NATS_URL', 'MALLOC_ARENA_MAX', 'UV_THREADPOOL_SIZE', 'PATH'];
      expect(await pooling.give('environment', { names }).result).toEqual(['', '2', '4', process.env.PATH]);
    } finally {
      delete process.env.NATS_URL;
      delete process.env.UV_THREADPOOL_SIZE;
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

describe('a child that says what no task says', () => {
  const circle: { me?: unknown } = {};
  circle.me = circle;
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
  const [kept, done, failed] = [
    { type: 'progress', value: 1 },
    { type: 'done', result: {}, held: 1 },
    { type: 'failed', message: 'x', passing: false, hungry: false, held: 1 },
  ];
  const outputs: [string, Record<string, unknown>][] = [
    ['a header in the type', { contentType: 'image/png\r\nSet-Cookie: a=b' }],
    ['a type that no task makes', { contentType: 'text/html' }],
    ['no type', { contentType: undefined }],
    ['a path for a name', { name: '../other' }],
    ['an empty name', { name: '' }],
    ['a line break after a name', { name: 'output\n' }],
    ['a long name', { name: 'a'.repeat(65) }],
    ['a list for a name', { name: ['output'] }],
    ['an extension with a dot', { extension: 'png.html' }],
    ['text for bytes', { data: 'text' }],
    ['numbers for bytes', { data: [1, 2] }],
  ];
  const messages: [string, Record<string, unknown>][] = [
    ['an unknown type', { type: 'taken' }],
    ['no type', {}],
    ['no number of a task', { ...kept, task: 'constructor' }],
    ['an output that is none', { type: 'output', output: null }],
    ['an end without its bytes', { ...done, held: undefined }],
    ['an end with bytes in words', { ...done, held: 'many' }],
    ['a result that is not JSON', { ...done, result: { width: 1n } }],
    ['a result with a date', { ...done, result: { at: new Date(0) } }],
    ['progress that never ends', { type: 'progress', value: circle }],
    ['progress that is deep', { type: 'progress', value: nested(100) }],
    ['progress that is long', { type: 'progress', value: new Array(20_000).fill(0) }],
    ['progress that is long and empty', { type: 'progress', value: [new Array(100_000_000)] }],
    ['a text that is long', { type: 'progress', value: ['x'.repeat(2_000_000)] }],
    ['a failure without words', { ...failed, message: undefined }],
    ['a failure that may or may not pass', { ...failed, passing: undefined }],
    ['a failure that may or may not be for memory', { ...failed, hungry: undefined }],
    ['a cause that is none', { ...failed, cause: 'x' }],
    ['a defect without a stack', { type: 'broken', error: { message: 'x' }, held: 1 }],
  ];
  it.each([
    ...outputs.map(([what, parts]) => [what, 'sayOutput', { parts }] as const),
    ...messages.map(([what, parts]) => [what, 'say', { parts }] as const),
    ...['null', 'text', 'number', 'list'].map((what) => [what, 'sayStrange', { what }] as const),
  ])('is killed, and its task fails for a passing reason: %s', async (_, name, parameters) => {
    await using pooling = await startPool();
    const task = pooling.give(name, parameters);
    const failure = await task.failure;
    expect(failure).toBeInstanceOf(TaskFailure);
    expect(failure).toMatchObject({
      message: 'the image decoder stopped unexpectedly (said what no task says)',
      passing: true,
    });
    expect([...task.outputs, ...task.progress]).toEqual([]);
    expect(await pooling.give('echo').result).toHaveProperty('pid');
    expect(pooling.logged.filter(({ level }) => (level as number) >= 40)).toEqual([
      expect.objectContaining({ level: 40, msg: 'a media child was killed for what it said' }),
    ]);
  });

  it('is killed while it has nothing to do, too', async () => {
    await using pooling = await startPool();
    const { pid } = (await pooling.give('echo').result) as { pid: number };
    await pooling.give('sayAfterEnd').result;
    await gone(pid);
    expect(await pooling.give('echo').result).not.toMatchObject({ pid });
  });
});
