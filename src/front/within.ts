import { LogUnavailable } from '../log/log.ts';

/** Rejects with `LogUnavailable` if the promise takes longer: the answer may be in the log, but not here yet. */
export const within = <T>(milliseconds: number, promise: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new LogUnavailable('the log is behind')), milliseconds);
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      settle();
    };
    promise.then(
      (value) => end(() => resolve(value)),
      (error: unknown) => end(() => reject(error)),
    );
  });

/** How long an answer waits for the fold to show what the log has. */
const FOLD_TIMEOUT_MS = 2_000;

/** `within` the time that an answer waits for the fold. */
export const untilFolded = <T>(folded: Promise<T>): Promise<T> => within(FOLD_TIMEOUT_MS, folded);
