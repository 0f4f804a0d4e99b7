import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { type ImportOptions, type LogImport, LogNotEmpty } from '../import.ts';
import { EventRefused, LogFull, LogUnavailable } from '../log.ts';
import type { LogRecord, Loss } from '../reading.ts';
import { isLogSubject, SUBJECTS } from '../subject.ts';
import { findStream } from './any-stream.ts';
import { importMark, importOf, STORED_AT } from './import-mark.ts';
import { type BatchMessage, publishBatch } from './publish-batch.ts';
import { Publisher } from './publisher.ts';
import { PURGE_TIMEOUT_MS } from './set-up.ts';
import { MAX_EVENT_BYTES, STREAM, type StreamSettings, streamConfig } from './stream.ts';

/** What goes in one atomic batch, which costs 1.5-2.5 ms and one fsync whatever its size. */
const BATCH_MESSAGES = 1_000;
const BATCH_BYTES = 4_000_000;
/** Stands where the log that was exported has no event, until it is purged. */
const HOLE = 'import.hole';
const PURGE_EVERY = 200_000;
/** Bytes that one takes at most, with the headers of its batch. */
const HOLE_BYTES = 150;
/** Sequences that one hole may skip: half an hour of them. No log of ours holds as many. */
const MAX_HOLE = 100_000_000;
/** A record's bytes are as large as they were, and have a header more. */
const HEADER_BYTES = 1_024;

/**
 * Fills a new stream. JetStream gives out sequences one by one, so what is missing among them is stored as an empty
 * message and purged later, 50,000 a second; what is missing in front costs nothing, since a stream can begin
 * anywhere. Every batch demands that the one before it was the last thing that was stored.
 *
 * Until the end the stream is marked as unfinished, so that whatever happens to this process, nobody takes it for a log.
 */
export class JetStreamImport implements LogImport {
  readonly #manager: JetStreamManager;
  readonly #publisher: Publisher;
  readonly #isPart: boolean;
  readonly #signal: AbortSignal;
  readonly #madeAt: string;
  #last: number;
  #waiting: BatchMessage[] = [];
  #waitingBytes = 0;
  #holes = 0;
  #records = 0;
  readonly #settings: StreamSettings;

  private constructor(manager: JetStreamManager, publisher: Publisher, made: Made) {
    this.#manager = manager;
    this.#publisher = publisher;
    this.#isPart = made.isPart;
    this.#signal = made.signal;
    this.#madeAt = made.madeAt;
    this.#last = made.first - 1;
    this.#settings = made.settings;
  }

  /** Rejects with `LogNotEmpty`. */
  static async begin(
    connection: NatsConnection,
    settings: StreamSettings,
    options: ImportOptions,
  ): Promise<JetStreamImport> {
    const manager = await jetstreamManager(connection, { timeout: PURGE_TIMEOUT_MS, checkAPI: false });
    await makeRoom(manager);
    const { created } = await manager.streams.add({
      ...streamConfig(settings),
      subjects: [...SUBJECTS, HOLE],
      max_msgs: settings.MAX_LOG_EVENTS + holesAtMost(settings),
      first_seq: options.first,
      metadata: importMark('unfinished'),
    });
    return new JetStreamImport(manager, new Publisher(connection), { ...options, madeAt: created, settings });
  }

  async store({ seq, subject, bytes, storedAtMs }: LogRecord): Promise<void> {
    if (!isLogSubject(subject)) throw new EventRefused(`has '${subject}', which is not a subject of a log`);
    if (bytes.length > MAX_EVENT_BYTES - HEADER_BYTES) throw new EventRefused('is larger than a log takes');
    if (seq - this.#last > MAX_HOLE) throw new EventRefused(`skips more than ${MAX_HOLE} sequences`);
    while (this.#last + 1 < seq) {
      this.#signal.throwIfAborted();
      await this.#push(EMPTY);
    }
    this.#records++;
    if (this.#records > this.#settings.MAX_LOG_EVENTS)
      throw new LogFull(`the log is full: it takes ${this.#settings.MAX_LOG_EVENTS} records`);
    await this.#push({ subject, bytes, headers: [`${STORED_AT}: ${storedAtMs}`] });
  }

  async finish(lost: readonly Loss[] = []): Promise<void> {
    await this.#flush();
    await this.#purgeHoles();
    const metadata = importMark(this.#isPart ? 'part' : 'whole', { through: this.#last, lost });
    const max_msgs = this.#settings.MAX_LOG_EVENTS;
    await this.#reach(() => this.#manager.streams.update(STREAM, { subjects: SUBJECTS, max_msgs, metadata }));
    this.#publisher.close();
  }

  async abandon(): Promise<void> {
    this.#publisher.close();
    await this.#reach(async () => {
      const found = await findStream(this.#manager, STREAM);
      // Another import may have taken its place.
      if (found?.created === this.#madeAt) await this.#manager.streams.delete(STREAM);
    });
  }

  async #push(message: BatchMessage): Promise<void> {
    this.#waiting.push(message);
    this.#waitingBytes += message.bytes.length;
    this.#last++;
    if (message === EMPTY) this.#holes++;
    if (this.#waiting.length >= BATCH_MESSAGES || this.#waitingBytes >= BATCH_BYTES) await this.#flush();
    if (this.#holes >= holesAtMost(this.#settings)) await this.#purgeHoles();
  }

  async #flush(): Promise<void> {
    const messages = this.#waiting;
    if (messages.length === 0) return;
    this.#waiting = [];
    this.#waitingBytes = 0;
    try {
      const seq = await this.#publishBatch(messages);
      if (seq !== this.#last)
        throw new LogUnavailable(`somebody else writes to the log: ${seq}, ${this.#last}`);
    } catch (error) {
      if (error instanceof LogFull || error instanceof LogUnavailable || error instanceof EventRefused)
        throw error;
      throw new LogUnavailable(`the log does not take the events: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  #publishBatch(messages: readonly BatchMessage[]): Promise<number> {
    const first = `Nats-Expected-Last-Sequence: ${this.#last - messages.length}`;
    const chained = messages.map((message, index) =>
      index === 0 ? { ...message, headers: [...message.headers, first] } : message,
    );
    return publishBatch(this.#publisher, chained);
  }

  async #purgeHoles(): Promise<void> {
    if (this.#holes === 0) return;
    await this.#flush();
    await this.#reach(() => this.#manager.streams.purge(STREAM, { filter: HOLE }));
    this.#holes = 0;
  }

  async #reach<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (cause) {
      throw new LogUnavailable(`the log does not answer: ${(cause as Error).message}`, { cause });
    }
  }
}

/** They come on top of the events that the log may hold, and not of the bytes. */
const holesAtMost = ({ MAX_LOG_BYTES }: StreamSettings): number =>
  Math.min(PURGE_EVERY, Math.floor(MAX_LOG_BYTES / 4 / HOLE_BYTES));

interface Made extends ImportOptions {
  readonly settings: StreamSettings;
  readonly madeAt: string;
}

const EMPTY: BatchMessage = { subject: HOLE, bytes: new Uint8Array(), headers: [] };

/** Removes what an import left that was cut off, or a log that never held anything, with what follows it. */
async function makeRoom(manager: JetStreamManager): Promise<void> {
  const found = await findStream(manager, STREAM);
  const streams = await manager.streams.list().next();
  const fed = streams.filter(({ config }) => config.sources?.some(({ name }) => name === STREAM));
  if (!found || importOf(found.config) !== 'unfinished') {
    const { messages = 0, last_seq = 0 } = found?.state ?? {};
    if (messages > 0 || last_seq > 0)
      throw new LogNotEmpty(
        `the log is not empty, its last event is ${last_seq}: a log is imported where there is none`,
      );
    const archive = fed.find(({ state }) => state.messages > 0);
    if (archive)
      throw new LogNotEmpty(
        `the stream ${archive.config.name} is the archive of a log that is gone: a log is imported where there is none`,
      );
    if (found && (await isInUse(manager)))
      throw new LogNotEmpty('a service is running on the log: stop it, then import');
  }
  for (const { config } of fed) await manager.streams.delete(config.name);
  if (found) await manager.streams.delete(STREAM);
}

/** Whether anybody waits for what comes into the log. */
async function isInUse(manager: JetStreamManager): Promise<boolean> {
  for await (const { num_waiting } of manager.consumers.list(STREAM)) if (num_waiting > 0) return true;
  return false;
}
