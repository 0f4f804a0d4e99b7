import type { JetStreamManager, MsgRequest } from '@nats-io/jetstream';
import { parseSubject } from '../subject.ts';
import type { ArchiveVolume, LogLimits, LogUpkeep, LogVolume } from '../upkeep.ts';
import { measureArchive } from './archive/volume.ts';
import { findLogInfo } from './log-info.ts';
import type { SetUp } from './set-up.ts';
import { answered, STREAM } from './stream.ts';

/** The upkeep of the log's stream. */
export class JetStreamUpkeep implements LogUpkeep {
  readonly #manager: JetStreamManager;
  readonly #patient: JetStreamManager;
  readonly #isArchived: boolean;

  constructor({ manager, patient, isArchived }: Omit<SetUp, 'config'>) {
    this.#manager = manager;
    this.#patient = patient;
    this.#isArchived = isArchived;
  }

  async volume(): Promise<LogVolume | undefined> {
    const found = await findLogInfo(this.#manager);
    if (!found) return undefined;
    const { created, config, state, ts } = found;
    return {
      nowMs: Date.parse(ts as string),
      madeAt: created,
      firstSeq: state.messages === 0 ? state.last_seq + 1 : state.first_seq,
      lastSeq: state.last_seq,
      events: state.messages,
      bytes: state.bytes,
      allowed: { events: config.max_msgs, bytes: config.max_bytes },
    };
  }

  async archive(): Promise<ArchiveVolume | undefined> {
    return this.#isArchived ? measureArchive(this.#manager) : undefined;
  }

  async keyAt(seq: number): Promise<string | undefined> {
    const message = await answered(this.#manager.streams.getMessage(STREAM, { seq }));
    return message ? parseSubject(message.subject)?.key : undefined;
  }

  async firstSince(ms: number): Promise<number | undefined> {
    // Of the leader: to a replica that lags, what has just come to a log that was at rest would be nothing. The client knows
    // of this question where replicas answer it only.
    const since = { start_time: new Date(ms) } as unknown as MsgRequest;
    return (await answered(this.#manager.streams.getMessage(STREAM, since)))?.seq;
  }

  async letGo(before: number): Promise<void> {
    await this.#patient.streams.purge(STREAM, { seq: before });
  }

  async allow({ events, bytes }: LogLimits): Promise<void> {
    await this.#manager.streams.update(STREAM, { max_msgs: events, max_bytes: bytes });
  }
}
