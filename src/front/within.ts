import { LogUnavailable } from '../log/log.ts';

/** Rejects with `LogUnavailable` if the promise takes longer: the answer may be in the log, but not here yet. */
export const within = async <T>(milliseconds: number, promise: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LogUnavailable('the log is behind')), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};
