import type { JetStreamManager } from '@nats-io/jetstream';
import { LogUnavailable } from '../../log.ts';
import type { ArchiveVolume } from '../../upkeep.ts';
import { findStream } from '../any-stream.ts';
import { firstArchivedSince, seqAt } from './record.ts';
import { ARCHIVE, isFilled } from './stream.ts';

/** JetStream lets two minutes pass between the fsyncs of such a stream. */
const SETTLED_MS = 150_000;

/** Undefined if there is none. Rejects with `LogUnavailable`. */
export async function measureArchive(manager: JetStreamManager): Promise<ArchiveVolume | undefined> {
  try {
    const info = await findStream(manager, ARCHIVE);
    if (!info) return undefined;
    const { config, state, ts } = info;
    const isEmpty = state.messages === 0;
    const through = (isEmpty ? undefined : await seqAt(manager, state.last_seq)) ?? 0;
    const recent = isEmpty
      ? undefined
      : await firstArchivedSince(manager, Date.parse(ts as string) - SETTLED_MS);
    return {
      isFilled: isFilled(config),
      through,
      safeThrough: recent ? recent.seq - 1 : through,
      events: state.messages,
      bytes: state.bytes,
      allowedBytes: config.max_bytes,
      oldestMs: isEmpty ? undefined : Date.parse(state.first_ts),
    };
  } catch (cause) {
    throw new LogUnavailable('the archive does not answer', { cause });
  }
}
