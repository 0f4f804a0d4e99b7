import { TaskFailure } from '../../../actors/failure.ts';
import type { Source } from '../../tasks/definition.ts';
import { showUrl } from '../../tasks/show-url.ts';
import { inBytes } from './limits.ts';

/** Of one task's sources, at the same time: what a browser asks of one host. */
const AT_ONCE = 6;

/** Room for a hundred photos of a good camera. What is on its way when that is passed may come on top. */
const MAX_BYTES_TOGETHER = 500_000_000;

/** Fetches the body at `url`. Rejects with `TaskFailure`, or the signal's reason. */
export type FetchOne = (url: string, signal: AbortSignal) => Promise<Source>;

/**
 * Fetches the sources of one task, and gives them in the order of `urls`. URLs of which `nameOf` says the same are fetched
 * once. The first failure decides; it ends the others, and waits for their end, so that their room can be given back.
 */
export async function fetchSources(
  urls: readonly string[],
  fetchOne: FetchOne,
  signal: AbortSignal,
  nameOf: (url: string) => string = (url) => url,
): Promise<readonly Source[]> {
  const fetched = new Map<string, Source>();
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const urlOf = new Map<string, string>();
  const names = urls.map(nameOf);
  for (const [index, name] of names.entries()) if (!urlOf.has(name)) urlOf.set(name, urls[index] as string);
  const waiting = urlOf.entries();
  let bytes = 0;
  const fetchNext = async (): Promise<void> => {
    for (const [name, url] of waiting) {
      either.throwIfAborted();
      const source = await fetchOne(url, either);
      bytes += source.bytes;
      if (bytes > MAX_BYTES_TOGETHER) throw tooMuch(url);
      fetched.set(name, source);
    }
  };
  const fetching = Array.from({ length: AT_ONCE }, fetchNext);
  try {
    await Promise.all(fetching);
  } catch (error) {
    stop.abort();
    await Promise.allSettled(fetching);
    throw error;
  }
  return urls.map((url, index) => {
    const source = fetched.get(names[index] as string) as Source;
    return source.url === url ? source : { ...source, url };
  });
}

const tooMuch = (url: string): TaskFailure =>
  new TaskFailure(
    `File '${showUrl(url)}' is one too many: the files of a task may have ${inBytes(MAX_BYTES_TOGETHER)} together`,
  );
