import { pino } from 'pino';
import { expect, it } from 'vitest';
import { decodeEvent, hashOf, type StoredEvent } from '../../src/log/envelope.ts';
import type { EventLog, FollowOptions } from '../../src/log/log.ts';
import { seal } from '../../src/log/seal.ts';
import { subjectOf } from '../../src/log/subject.ts';
import { Projection } from '../../src/projection/projection.ts';
import { completed, KEY, queued, started } from '../actors/events.ts';

const place = { name: 'hello', key: KEY };
const first = seal(place, queued());
const stored: StoredEvent[] = [
  first,
  ...[started(1), completed(1)].map((event) => seal(place, event, hashOf(first.bytes))),
].map(({ event, bytes }, index) => decodeEvent(subjectOf('hello', KEY, event), bytes, index + 1));

it('a task that has ended, but not yet here, is read without keeping the fold from telling of it', async () => {
  let follower: FollowOptions | undefined;
  const told: string[] = [];
  const log = {
    history: async () => stored,
    follow: async (options: FollowOptions) => {
      follower = options;
      return { caughtUp: Promise.resolve(0), close: async () => {} };
    },
  };
  const projection = new Projection({
    log: log as Partial<EventLog> as EventLog,
    logger: pino({ level: 'silent' }),
    onChange: (_, event) => told.push(event.type),
  });
  await projection.start();
  const reading = projection.read(KEY);
  for (const event of stored) follower?.onEvent(event);
  expect(await reading).toMatchObject({ status: 'success', seq: 3 });
  expect(told).toEqual(['queued', 'started', 'completed']);
});
