import { createHash } from 'node:crypto';
import type { StoredOutput } from '../../actors/event.ts';
import type { EventLog } from '../log/log.ts';
import type { OutputReader } from '../storage/storage.ts';

/**
 * What is wrong with an output as it lies in the store; undefined if it is what its task made. The outputs of a task
 * that only the archive has any more are not missed: they go when the log lets go of its beginning.
 */
export async function outputProblem(
  log: Pick<EventLog, 'history'>,
  storage: OutputReader,
  key: string,
  { attempt, file, bytes, sha256 }: StoredOutput,
): Promise<string | undefined> {
  const stored = await storage.open({ key, attempt, file });
  if (!stored && (await log.history(key))[0]?.event.type !== 'queued') return undefined;
  if (!stored) return `has the output ${file}, which is not in the store (${storage.place})`;
  try {
    if (stored.bytes !== bytes)
      return `has the output ${file}, of which the store has ${stored.bytes} bytes instead of ${bytes}`;
    const digest = createHash('sha256');
    for await (const chunk of stored.read()) digest.update(chunk as Uint8Array);
    return digest.digest('hex') === sha256
      ? undefined
      : `has the output ${file}, which has been changed in the store`;
  } finally {
    await stored.close();
  }
}
