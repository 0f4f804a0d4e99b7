import { describe, expect, it } from 'vitest';
import { TaskFailure } from '../../actors/failure.ts';
import { type OutputPath, type Storage, StorageFailure } from '../../src/storage/storage.ts';
import type { Output } from '../../src/tasks/definition.ts';
import { Outputs } from '../../src/worker/outputs.ts';
import { KEY } from '../actors/events.ts';

const output = (name: string): Output => ({
  name,
  extension: 'jpg',
  contentType: 'image/jpeg',
  data: Buffer.from(name),
});

/** A store whose writes end when the test says so, and the outputs that were told to be durable. */
function outputs(isOurs: Promise<boolean> = Promise.resolve(true)) {
  const writes: { readonly path: OutputPath; end(): void; fail(): void }[] = [];
  const told: string[] = [];
  const storage: Pick<Storage, 'put'> = {
    put: (path: OutputPath) =>
      new Promise<void>((resolve, reject) => {
        writes.push({ path, end: resolve, fail: () => reject(new StorageFailure('the disk is full')) });
      }),
  };
  return {
    outputs: new Outputs(storage, { key: KEY, attempt: 2 }, isOurs, ({ name }) => told.push(name)),
    writes,
    told,
  };
}

/** Whether a promise has settled once all that could happen by now has happened. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = () => {
    settled = true;
  };
  promise.then(note, note);
  await new Promise(setImmediate);
  return settled;
}

const notStored = { name: 'TaskFailure', message: 'the output could not be stored', passing: true };

describe('the outputs of an attempt', () => {
  it('are stored one by one under its number, each told once it is durable', async () => {
    const { outputs: made, writes, told } = outputs();
    await made.add(output('small'));
    expect(writes.map(({ path }) => path)).toEqual([{ key: KEY, attempt: 2, file: 'small.jpg' }]);
    expect(told).toEqual([]);
    writes[0]?.end();
    await made.add(output('large'));
    expect(told).toEqual(['small']);
    writes[1]?.end();
    expect((await made.all()).map(({ file, bytes, attempt }) => [file, bytes, attempt])).toEqual([
      ['small.jpg', 5, 2],
      ['large.jpg', 5, 2],
    ]);
    expect(made.count).toBe(2);
  });

  it('are not stored before the log has the start of the attempt: another worker might be at the same', async () => {
    let decide: (isOurs: boolean) => void = () => {};
    const { outputs: made, writes } = outputs(new Promise<boolean>((resolve) => (decide = resolve)));
    await made.add(output('one'));
    expect(await isSettled(made.all())).toBe(false);
    expect(writes).toEqual([]);
    decide(true);
    await new Promise(setImmediate);
    expect(writes).toHaveLength(1);
  });

  it('are never stored when another worker has the attempt', async () => {
    const { outputs: made, writes } = outputs(Promise.resolve(false));
    await made.add(output('one'));
    await expect(made.all()).rejects.toThrow('another worker has the attempt');
    expect(writes).toEqual([]);
  });

  it('are two in memory at most: the third is not asked for before the first is durable', async () => {
    const { outputs: made, writes } = outputs();
    expect(await isSettled(made.add(output('one')))).toBe(true);
    const second = made.add(output('two'));
    expect(await isSettled(second)).toBe(false);
    writes[0]?.end();
    await second;
  });

  it('that are durable after the last was made are told by the end, which follows', async () => {
    const { outputs: made, writes, told } = outputs();
    await made.add(output('only'));
    const all = made.all();
    writes[0]?.end();
    expect(await all).toHaveLength(1);
    expect(told).toEqual([]);
  });

  it('that cannot be stored are a failure that may pass, of the next or of all', async () => {
    const { outputs: made, writes } = outputs();
    await made.add(output('one'));
    const second = made.add(output('two'));
    writes[0]?.fail();
    await expect(second).rejects.toMatchObject(notStored);
    writes[1]?.end();
    const all = made.all();
    await expect(all).rejects.toBeInstanceOf(TaskFailure);
    await expect(all).rejects.toMatchObject(notStored);
  });
});
