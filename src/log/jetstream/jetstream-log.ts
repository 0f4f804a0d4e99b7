import { type JetStreamClient, type JetStreamManager, jetstream, type StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Config } from '../../config.ts';
import type { Logger } from '../../logger.ts';
import type { CheckpointStore } from '../checkpoint-store.ts';
import type { CreateName, Creates, FoundCreate, Submission, Submitted, Turn } from '../creates.ts';
import { decodeEvent, type StoredEvent } from '../envelope.ts';
import {
  type Append,
  type EventLog,
  type Following,
  type FollowOptions,
  type FullHistoryOptions,
  LogUnavailable,
} from '../log.ts';
import type { Extent, Gap, LogRecord, Loss, Moment, Page, ReadOptions, Span } from '../reading.ts';
import type { TaskRef } from '../subject.ts';
import type { TakeOptions, TaskQueue } from '../task-queue.ts';
import type { LogUpkeep } from '../upkeep.ts';
import { Appender } from './appender.ts';
import { Archive } from './archive/archive.ts';
import { JetStreamCheckpointStore } from './checkpoint-store.ts';
import { companionsOf, findCreate, lastTurn } from './creates.ts';
import { DiskSync, storeToSync } from './disk-sync.ts';
import { type Durability, LEFT_TO_SERVER, untilOnDisk } from './durability.ts';
import { Follower } from './follower.ts';
import { readEnds, readHistory, readOutlines } from './history.ts';
import { importedThrough, importOf, lostBeforeImport } from './import-mark.ts';
import { locate } from './locate.ts';
import { logInfo } from './log-info.ts';
import { Impatience, type ReaderParts } from './patience.ts';
import { Publisher } from './publisher.ts';
import { chosenEvents, Reader, type ToEntry } from './reader.ts';
import { findLog, makeLog, makeLogIfMissing, type SetUp } from './set-up.ts';
import { SharedExtent, type StreamExtent } from './shared-extent.ts';
import { ensureConsumer, STREAM } from './stream.ts';
import { JetStreamTaking } from './task-queue.ts';
import { endTornRequest } from './torn-batch.ts';
import { untilReady } from './until-ready.ts';
import { JetStreamUpkeep } from './upkeep.ts';

/** The event log on a JetStream stream, the queue of tasks on its durable consumers, and what creates depend on. */
export class JetStreamLog implements EventLog, TaskQueue, Creates {
  readonly checkpoints: CheckpointStore;
  readonly upkeep: LogUpkeep;
  readonly #connection: NatsConnection;
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #durability: Durability;
  readonly #publisher: Publisher;
  readonly #appender: Appender;
  readonly #archive: Archive | undefined;
  readonly #isReplicated: boolean;
  readonly #logger: Logger;
  readonly #reading: ReaderParts;

  private constructor(connection: NatsConnection, setUp: SetUp, logger: Logger) {
    const { manager, config } = setUp;
    this.#connection = connection;
    this.#client = jetstream(connection, { timeout: 2_000 });
    this.#manager = manager;
    this.#isReplicated = config.REPLICAS > 1;
    this.#logger = logger;
    const store = storeToSync(config);
    this.#durability = store === undefined ? LEFT_TO_SERVER : new DiskSync(store);
    this.#publisher = new Publisher(connection);
    this.#appender = new Appender(this.#publisher, (subject) => this.#storedId(subject), {
      groupSingles: config.SYNC === 'always' && this.#durability === LEFT_TO_SERVER,
      durability: this.#durability,
    });
    this.checkpoints = new JetStreamCheckpointStore(this.#client, manager, config.REPLICAS, logger);
    this.upkeep = new JetStreamUpkeep(setUp);
    const extent = new SharedExtent(() => this.#streamExtent().catch(() => undefined));
    this.#reading = {
      connection,
      manager,
      isReplicated: this.#isReplicated,
      durability: this.#durability,
      extent,
      impatience: new Impatience(),
      logger,
    };
    this.#archive = setUp.isArchived ? new Archive(this.#reading) : undefined;
  }

  /**
   * Opens the log, makes its streams if they are not there yet, and brings them to the settings. Waits for a JetStream
   * that is still starting, and for an import to be finished, which `onUnfinished` is told of once. Rejects with
   * `ConfigError` if `NATS_STORE` is not where the log is, as the other two do.
   */
  static async open(
    connection: NatsConnection,
    config: Config,
    logger: Logger,
    onUnfinished?: (reason: string) => void,
  ): Promise<JetStreamLog> {
    return JetStreamLog.#on(connection, await makeLog(connection, config, logger, onUnfinished), logger);
  }

  /**
   * The same for a worker, whose settings are not those of the log: it makes the stream if no front has done so yet, and
   * takes what is there as it is.
   */
  static async openAsItIs(connection: NatsConnection, config: Config, logger: Logger): Promise<JetStreamLog> {
    return JetStreamLog.#on(connection, await makeLogIfMissing(connection, config, logger), logger);
  }

  /** Opens a log that is there, and changes nothing about it. Undefined if there is none; rejects with `UnfinishedImport`. */
  static async openExisting(
    connection: NatsConnection,
    config: Config,
    logger: Logger,
  ): Promise<JetStreamLog | undefined> {
    const setUp = await findLog(connection, config, logger);
    return setUp && JetStreamLog.#on(connection, setUp, logger);
  }

  /** What is there already is on disk from now on, so that nobody who reads it has to wait. */
  static async #on(connection: NatsConnection, setUp: SetUp, logger: Logger): Promise<JetStreamLog> {
    const log = new JetStreamLog(connection, setUp, logger);
    if (log.#durability !== LEFT_TO_SERVER) await untilOnDisk(log.#durability, await log.ping());
    return log;
  }

  /** See `endTornRequest`. */
  endTornRequest(signal: AbortSignal): Promise<number> {
    return endTornRequest(this.#manager, this, signal);
  }

  get connected(): boolean {
    return this.#publisher.connected;
  }

  append(entry: Append): Promise<number> {
    return this.#appender.append([entry]);
  }

  appendAll(entries: readonly Append[]): Promise<number> {
    return this.#appender.append(entries);
  }

  appendInOrder(entries: readonly Append[]): Promise<number> {
    return this.#appender.appendInOrder(entries);
  }

  untilDurable(): Promise<void> {
    return this.#appender.untilDurable();
  }

  get prefersGroups(): boolean {
    return this.#appender.prefersGroups;
  }

  async submit(submission: Submission): Promise<Submitted> {
    const { before, behind } = companionsOf(submission);
    const end = await this.#appender.append(submission.entries, { before, behind });
    const seq = end - behind.length;
    return { seq, turn: { seq: seq - submission.entries.length - before.length + 1, end: seq } };
  }

  findCreate(name: CreateName): Promise<FoundCreate> {
    return this.#reach(async () => {
      const found = await findCreate(this.#manager, name, this.#isReplicated);
      await untilOnDisk(this.#durability, found.after);
      return found;
    });
  }

  lastTurn(account: string): Promise<Turn> {
    return this.#reach(() => lastTurn(this.#manager, account, this.#isReplicated));
  }

  history(key: string, through?: number): Promise<StoredEvent[]> {
    return this.#readEvents(() => readHistory(this.#reading, key, through));
  }

  async fullHistory(key: string, { through, late }: FullHistoryOptions = {}): Promise<StoredEvent[]> {
    const held = await this.history(key, through);
    if (!this.#archive || held[0]?.event.type === 'queued') return held;
    const { first } = await this.#held();
    return this.#archive.complete(held, key, { before: first, through, late: late?.() ?? [] });
  }

  outlines(keys: readonly string[]): Promise<StoredEvent[]> {
    return this.#readEvents(() => readOutlines(this.#manager, keys));
  }

  async madeAt(): Promise<Date> {
    return new Date((await this.#info()).created);
  }

  async ended(tasks: readonly TaskRef[]): Promise<ReadonlySet<string>> {
    const ends = await this.#reach(() => readEnds(this.#manager, tasks));
    await untilOnDisk(this.#durability, ends.through);
    return ends.keys;
  }

  follow(options: FollowOptions): Promise<Following> {
    const isConnected = (): boolean => this.connected;
    return Follower.start({ ...this.#reading, client: this.#client, isConnected }, options);
  }

  read(options: ReadOptions): AsyncIterable<Page> {
    return this.#pages(options, chosenEvents(options.types));
  }

  readRecords(options: Omit<ReadOptions, 'types'>): AsyncIterable<Page<LogRecord | Gap>> {
    return this.#pages(options, (record) => record);
  }

  #pages<T extends object>(options: ReadOptions, toEntry: ToEntry<T>): AsyncIterable<Page<T | Gap>> {
    const pages = new Reader(this.#reading, options, toEntry).pages();
    return this.#archive?.fillGaps(pages, options, toEntry) ?? pages;
  }

  async extent(): Promise<Extent> {
    const { first, last } = await this.#held();
    const archived = first > 1 ? await this.#archive?.first() : undefined;
    return { first: Math.min(first, archived ?? first), held: first, last };
  }

  async isPart(): Promise<boolean> {
    return importOf((await this.#info()).config) === 'part';
  }

  async lost(): Promise<readonly Loss[]> {
    return lostBeforeImport((await this.#info()).config);
  }

  async locate(date: string): Promise<Moment> {
    const { config, state } = await this.#info();
    const held = extentOf(state);
    try {
      const moment = await locate(this.#manager, date, { ...held, importedThrough: importedThrough(config) });
      const isBefore = held.first > 1 && (moment?.from ?? 1) === 1;
      const archived = isBefore ? await this.#archive?.locate(date) : undefined;
      return archived ?? moment ?? { from: held.last + 1, until: held.last };
    } catch (cause) {
      throw new LogUnavailable(`could not find the events of ${date}`, { cause });
    }
  }

  async take(options: TakeOptions): Promise<JetStreamTaking> {
    for (const name of options.names)
      await untilReady(`the queue of ${name}`, () => ensureConsumer(this.#manager, name), this.#logger);
    return new JetStreamTaking(this.#connection, this.#manager, options, this.#logger);
  }

  async ping(): Promise<number> {
    return (await this.#held()).last;
  }

  async close(): Promise<void> {
    this.#publisher.close();
    await this.#connection.drain().catch(() => {});
    this.#durability.close();
  }

  /** What the log itself holds. */
  async #held(): Promise<Span> {
    return extentOf((await this.#info()).state);
  }

  async #streamExtent(): Promise<StreamExtent> {
    const { config, state } = await this.#info();
    return { ...extentOf(state), importedThrough: importedThrough(config) };
  }

  #info(): Promise<StreamInfo> {
    return this.#reach(() => logInfo(this.#manager));
  }

  /** While the connection is down the client lets requests wait for 5 s, though nobody has heard them. */
  async #reach<T>(ask: () => Promise<T>): Promise<T> {
    if (!this.connected) throw new LogUnavailable('not connected to the log');
    return ask();
  }

  async #readEvents(read: () => Promise<StoredEvent[]>): Promise<StoredEvent[]> {
    const events = await this.#reach(read);
    await untilOnDisk(this.#durability, events.at(-1)?.seq ?? 0);
    return events;
  }

  /** Read from the stream's leader: a direct get may be stale on a cluster. */
  async #storedId(subject: string): Promise<{ id: string; seq: number } | undefined> {
    const message = await this.#manager.streams.getMessage(STREAM, { last_by_subj: subject });
    if (!message) return undefined;
    await untilOnDisk(this.#durability, message.seq);
    return { id: decodeEvent(message.subject, message.data, message.seq).id, seq: message.seq };
  }
}

/** A stream that never held anything begins at 0. */
const extentOf = ({ first_seq, last_seq }: StreamInfo['state']): Span => ({
  first: Math.max(1, first_seq),
  last: last_seq,
});
