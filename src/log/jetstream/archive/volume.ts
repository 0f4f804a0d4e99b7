import type { JetStreamManager } from '@nats-io/jetstream';
import { LogUnavailable } from '../../log.ts';
import type { ArchiveVolume } from '../../upkeep.ts';
import { isNothingFound } from '../history.ts';
import { originOf, seqAt } from './record.ts';
import { ARCHIVE, findStream } from './stream.ts';

/** JetStream lets two minutes pass between the fsyncs of such a stream. */
const SETTLED_MS = 150_000;

/** Undefined if there is none. Rejects with `LogUnavailable`. */
export async function measureArchive(manager: JetStreamManager): Promise<ArchiveVolume | undefined> {
  try {
    const info = await findStream(manager);
    if (!info) return undefined;
    const { config, state, ts } = info;
    const isEmpty = state.messages === 0;
    const through = (isEmpty ? undefined : await seqAt(manager, state.last_seq)) ?? 0;
    const recent = isEmpty ? undefined : await firstSince(manager, Date.parse(ts as string) - SETTLED_MS);
    return {
      through,
      safeThrough: recent === undefined ? through : recent - 1,
      events: state.messages,
      bytes: state.bytes,
      allowedBytes: config.max_bytes,
      oldestMs: isEmpty ? undefined : Date.parse(state.first_ts),
    };
  } catch (cause) {
    throw new LogUnavailable('the archive does not answer', { cause });
  }
}

/** The sequence in the log of the first record that the archive took at that time or later. */
async function firstSince(manager: JetStreamManager, ms: number): Promise<number | undefined> {
  try {
    const message = await manager.direct.getMessage(ARCHIVE, { start_time: new Date(ms) });
    return message ? originOf({ headers: message.header, seq: message.seq }).seq : undefined;
  } catch (error) {
    if (isNothingFound(error)) return undefined;
    throw error;
  }
}
