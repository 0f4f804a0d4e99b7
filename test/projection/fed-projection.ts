import type { TaskEvent } from '../../actors/event.ts';
import { encodeEvent } from '../../src/log/envelope.ts';
import type { EventLog, FollowOptions } from '../../src/log/log.ts';
import type { Logger } from '../../src/logger.ts';
import { Projection, type ProjectionOptions } from '../../src/projection/projection.ts';

/** A projection, and what comes to it from a log once it has been started, piece by piece. */
export function fedProjection(options: Pick<ProjectionOptions, 'maxEnded'> = {}) {
  let follow: FollowOptions | undefined;
  const log = {
    follow: async (asked: FollowOptions) => {
      follow = asked;
      return { caughtUp: Promise.resolve(0), close: async () => {} };
    },
  } as unknown as EventLog;
  const logger = { error() {}, warn() {} } as unknown as Logger;
  return {
    made: new Projection({ log, logger, ...options }),
    tell: (seq: number, key: string, event: TaskEvent): void => {
      const { id, bytes } = encodeEvent(event);
      follow?.onEvent({ seq, key, name: 'hello', id, prev: undefined, version: 2, bytes, event });
    },
    pass: (seq: number): void => follow?.onPassed?.(seq),
    miss: (seq: number): void => follow?.onMissed?.(seq),
  };
}
