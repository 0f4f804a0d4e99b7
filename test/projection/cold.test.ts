import { describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/log/envelope.ts';
import { newKey } from '../../src/log/key.ts';
import type { EndedTasks } from '../../src/projection/ended-tasks.ts';
import type { TaskState } from '../../src/projection/state.ts';
import { completed, queued, started } from '../actors/events.ts';
import { fedProjection, storedAt } from './fed-projection.ts';

const lifeOf = (key: string, first: number): StoredEvent[] =>
  [queued(), started(1), completed(1)].map((event, index) => storedAt(first + index, key, event));

/** A projection that remembers one ended task, over a log with some, all of them folded. */
async function coldProjection(keys: readonly string[]) {
  const histories = new Map(keys.map((key, index) => [key, lifeOf(key, index * 3 + 1)]));
  const kept = new Map<string, TaskState>();
  const asked: string[] = [];
  const endedTasks: EndedTasks = {
    put: (state) => kept.set(state.key, state),
    get: async (key) => kept.get(key),
    close: () => kept.clear(),
  };
  const { made: projection, tell } = fedProjection({ maxEnded: 1, endedTasks }, (key) => {
    asked.push(key);
    return histories.get(key) ?? [];
  });
  await projection.start();
  for (const life of histories.values()) for (const { seq, key, event } of life) tell(seq, key, event);
  return { projection, histories, kept, asked };
}

describe('an ended task that is not in memory any more', () => {
  const keys = [newKey(), newKey(), newKey()];
  const [oldest = ''] = keys;

  it('is found where it was kept, without a word to the log', async () => {
    const { projection, asked } = await coldProjection(keys);
    expect(projection.peek(oldest)).toBeUndefined();
    expect(await projection.read(oldest)).toMatchObject({ key: oldest, status: 'success', seq: 3 });
    expect(asked).toEqual([]);
  });

  it('is read from the log when it was not kept, and kept then', async () => {
    const { projection, kept, asked } = await coldProjection(keys);
    kept.delete(oldest);
    expect(await projection.read(oldest)).toMatchObject({ key: oldest, status: 'success', seq: 3 });
    expect(asked).toEqual([oldest]);
    expect(kept.get(oldest)).toMatchObject({ seq: 3 });
  });

  it('is unknown once the log has let go of it, wherever it was kept', async () => {
    const { projection, histories, kept } = await coldProjection(keys);
    histories.delete(oldest);
    projection.forgetBefore(4, 0);
    expect(kept.has(oldest)).toBe(true);
    expect(await projection.read(oldest)).toBeUndefined();
    expect(await projection.read(keys[1] as string)).toMatchObject({ key: keys[1] });
  });
});
