import { expect, it } from 'vitest';
import type { TaskEvent } from '../../actors/event.ts';
import { encodeEvent } from '../../src/log/envelope.ts';
import type { EventLog, FollowOptions } from '../../src/log/log.ts';
import type { Logger } from '../../src/logger.ts';
import { Projection } from '../../src/projection/projection.ts';
import { completed, KEY, queued, started } from '../actors/events.ts';

/** A projection with what it has told, and what comes to it from the log. */
async function projection() {
  let follow: FollowOptions | undefined;
  const log = {
    follow: async (options: FollowOptions) => {
      follow = options;
      return { caughtUp: Promise.resolve(0), close: async () => {} };
    },
  } as unknown as EventLog;
  const made = new Projection({ log, logger: { error() {}, warn() {} } as unknown as Logger });
  await made.start();
  const report = (seq: number, event: TaskEvent): void => {
    const { id, bytes } = encodeEvent(event);
    follow?.onEvent({ seq, key: KEY, name: 'hello', id, prev: undefined, version: 2, bytes, event });
  };
  const told: string[] = [];
  report(1, queued());
  made.watch(KEY, { changed: ({ status }) => told.push(status), lost: () => told.push('lost') });
  return {
    made,
    report,
    told,
    pass: (seq: number) => follow?.onPassed?.(seq),
    miss: (seq: number) => follow?.onMissed?.(seq),
  };
}

it('takes no task for let go of whose end it has yet to fold', async () => {
  const { made, report, told } = await projection();
  made.forgetBefore(5, 8);
  expect(told).toEqual([]);
  report(8, completed(1));
  made.forgetBefore(5, 8);
  expect(told).toEqual(['success']);
  expect(made.peek(KEY)).toMatchObject({ status: 'success' });
});

it('tells of one that has no end, also where the log ends with what is no event', async () => {
  const { made, told, pass } = await projection();
  made.forgetBefore(5, 8);
  expect(told).toEqual([]);
  pass(8);
  made.forgetBefore(5, 8);
  expect(told).toEqual(['error']);
});

it('says nothing of one whose end may have been among what it missed', async () => {
  const { made, told, pass, miss } = await projection();
  miss(6);
  pass(8);
  made.forgetBefore(5, 8);
  expect(told).toEqual(['lost']);
  expect(made.peek(KEY)).toBeUndefined();
  expect(made.openTasks).toBe(0);
});

it('tells of one that was still at work after what it missed', async () => {
  const { made, report, told, pass, miss } = await projection();
  miss(6);
  report(7, started(1));
  pass(8);
  made.forgetBefore(5, 8);
  expect(told).toEqual(['executing', 'error']);
});
