import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { decodeEvent, hashOf, type StoredEvent } from '../../src/log/envelope.ts';
import { newKey } from '../../src/log/key.ts';
import type { EventLog, FollowOptions } from '../../src/log/log.ts';
import { seal } from '../../src/log/seal.ts';
import { subjectOf } from '../../src/log/subject.ts';
import type { EndedTasks } from '../../src/projection/ended-tasks.ts';
import { Projection } from '../../src/projection/projection.ts';
import type { TaskState } from '../../src/projection/state.ts';
import { completed, queued, started } from '../actors/events.ts';

function eventsOf(key: string, firstSeq: number): StoredEvent[] {
  const place = { name: 'hello', key };
  const first = seal(place, queued());
  const events = [
    first,
    ...[started(1), completed(1)].map((event) => seal(place, event, hashOf(first.bytes))),
  ];
  return events.map(({ event, bytes }, index) =>
    decodeEvent(subjectOf('hello', key, event), bytes, firstSeq + index),
  );
}

/** A projection that remembers one ended task, over a log with some, all of them folded. */
async function coldProjection(keys: readonly string[]) {
  const histories = new Map(keys.map((key, index) => [key, eventsOf(key, index * 3 + 1)]));
  const kept = new Map<string, TaskState>();
  const asked: string[] = [];
  let follower: FollowOptions | undefined;
  const log = {
    history: async (key: string) => {
      asked.push(key);
      return histories.get(key) ?? [];
    },
    follow: async (options: FollowOptions) => {
      follower = options;
      return { caughtUp: Promise.resolve(0), close: async () => {} };
    },
  };
  const endedTasks: EndedTasks = {
    put: (state) => kept.set(state.key, state),
    get: async (key) => kept.get(key),
    close: () => kept.clear(),
  };
  const projection = new Projection({
    log: log as Partial<EventLog> as EventLog,
    logger: pino({ level: 'silent' }),
    maxEnded: 1,
    endedTasks,
  });
  await projection.start();
  for (const events of histories.values()) for (const event of events) follower?.onEvent(event);
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
