import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../logger.ts';
import { type Storage, StorageFailure } from '../storage/storage.ts';

/** A store that has no leader yet has one within seconds. */
const WAITED_FOR_MS = 15_000;
const AGAIN_MS = 500;

/**
 * Puts the sample picture into the store, if it is not there. A disk that is full is no reason not to start: then there is
 * no picture, until the next start.
 */
export async function putSamplePatiently(storage: Storage, logger: Logger): Promise<void> {
  for (const deadline = performance.now() + WAITED_FOR_MS; ; await delay(AGAIN_MS)) {
    try {
      return await putSample(storage);
    } catch (error) {
      if (!(error instanceof StorageFailure)) throw error;
      if (performance.now() < deadline) continue;
      return logger.error(
        { err: error },
        'could not store the sample picture: there is none until the next start',
      );
    }
  }
}

/** The picture that the first curl line works on, without any network. */
async function putSample(storage: Storage): Promise<void> {
  const path = { key: 'sample', attempt: 0, file: 'raccoon.jpg' };
  const stored = await storage.open(path);
  if (stored) return stored.close();
  const picture = new URL('../../../ops/sample/raccoon.jpg', import.meta.url);
  await storage.put(path, await readFile(picture));
}
