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
