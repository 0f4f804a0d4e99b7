import type { TaskEvent } from '../../actors/event.ts';
import { encodeEvent, type StoredEvent } from '../../src/log/envelope.ts';
import type { EventLog, FollowOptions } from '../../src/log/log.ts';
import type { Logger } from '../../src/logger.ts';
import { Projection, type ProjectionOptions } from '../../src/projection/projection.ts';

/** An event as a log has it. */
export function storedAt(seq: number, key: string, event: TaskEvent): StoredEvent {
  const { id, bytes } = encodeEvent(event);
  return { seq, key, name: 'hello', id, prev: undefined, version: 2, bytes, event };
}

/**
 * A projection, and what comes to it from a log once it has been started, piece by piece. `history` is what the log has of
 * a task that is asked for.
 */
export function fedProjection(
  options: Omit<ProjectionOptions, 'log' | 'logger'> = {},
  history: (key: string) => readonly StoredEvent[] = () => [],
) {
  let follow: FollowOptions | undefined;
  const log = {
    history: async (key: string) => history(key),
    follow: async (asked: FollowOptions) => {
      follow = asked;
      return { caughtUp: Promise.resolve(0), close: async () => {} };
    },
  } as unknown as EventLog;
  const logger = { error() {}, warn() {} } as unknown as Logger;
  return {
    made: new Projection({ log, logger, ...options }),
    tell: (seq: number, key: string, event: TaskEvent): void => follow?.onEvent(storedAt(seq, key, event)),
    pass: (seq: number): void => follow?.onPassed?.(seq),
    miss: (seq: number): void => follow?.onMissed?.(seq),
    skip: (seq: number): void => follow?.onUnreadable(new Error('cannot be read'), seq),
  };
}
