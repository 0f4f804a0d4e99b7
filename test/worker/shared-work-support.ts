import type { Json, Output, Source } from '../../src/tasks/definition.ts';
import type { Listener, Steps } from '../../src/worker/share.ts';
import type { SharedWork } from '../../src/worker/shared-work.ts';

const SOURCES: readonly Source[] = [{ url: 'http://example.com/x.jpg', path: '/x', bytes: 7 }];

export const output = (name: string, data: Uint8Array = Buffer.from(name)): Output => ({
  name,
  extension: 'jpg',
  contentType: 'image/jpeg',
  data,
});

export type TestWork = ReturnType<typeof work>;

/** Work whose steps end when the test says so, and what was done of it. */
export function work() {
  const done: string[] = [];
  const ends: Record<string, { resolve(value?: unknown): void; reject(error: Error): void }> = {};
  let tell: Listener | undefined;
  const step = (name: string, signal: AbortSignal): Promise<never> => {
    done.push(name);
    return new Promise((resolve, reject) => {
      ends[name] = { resolve: resolve as (value?: unknown) => void, reject };
      signal.addEventListener('abort', () => reject(new Error(`${name} was given up`)), { once: true });
    });
  };
  const steps: Steps<string> = {
    fetch: (signal) => step('fetch', signal),
    waitForDecoder: (_sources, signal) => step('wait', signal),
    run: (_decoder, _sources, listener, signal) => {
      tell = listener;
      return step('run', signal);
    },
    cleanUp: async () => void done.push('clean up'),
  };
  /** Ends steps in order, each once it has begun. */
  const end = async (...names: readonly string[]): Promise<void> => {
    for (const name of names) {
      ends[name]?.resolve(name === 'fetch' ? SOURCES : name);
      await settled();
    }
  };
  return { steps, done, ends, end, tell: () => tell as Listener };
}

export const settled = () => new Promise(setImmediate);

/** One attempt, and what it heard. */
export function member(shared: SharedWork<string>, begun: TestWork, { id = 'the same', seq = 1 } = {}) {
  const progress: Json[] = [];
  const outputs: string[] = [];
  const listener: Listener = {
    onProgress: (value) => void progress.push(value),
    onOutput: async ({ name }) => void outputs.push(name),
  };
  const share = shared.join({ id, seq }, listener, () => begun.steps);
  return { share, progress, outputs, ran: outcome(share.ran), listener };
}

const outcome = (promise: Promise<unknown>): Promise<unknown> =>
  promise.catch((error: unknown) => (error as Error).message);
