import { type Append, EventRefused, LogConflict } from '../log.ts';
import { subjectOf } from '../subject.ts';
import { type Durability, untilOnDisk } from './durability.ts';
import type { Group, Message } from './group.ts';
import { GroupSender, type StoredId } from './group-sender.ts';
import type { BatchMessage, Companions } from './publish-batch.ts';
import { EXPECT_NONE, NO_HEADERS, type Publisher } from './publisher.ts';
import { MAX_BATCH, SendQueue } from './send-queue.ts';
import { MAX_EVENT_BYTES } from './stream.ts';

/** Room for what travels with an event. */
const HEADER_BYTES = 1_024;
/** A leader's election takes 5-6 s; who appends meanwhile waits this long before hearing 503. */
const GIVE_UP_MS = 10_000;

const NONE: Companions = { before: [], behind: [] };

interface Addition extends Pick<Group, 'resolve' | 'reject'> {
  readonly entries: readonly Append[];
  readonly companions?: Companions;
  readonly isWhole?: boolean;
}

interface Settings {
  /** The server has each publish on disk before it answers. */
  readonly groupSingles: boolean;
  readonly durability: Durability;
}

/** Brings events into the log: see `SendQueue` for how they travel, and `GroupSender` for how often. */
export class Appender {
  /** Whether single events are merged, so that they cost less when they come together. */
  readonly prefersGroups: boolean;
  readonly #queue: SendQueue;
  readonly #durability: Durability;
  /** The last sequence that was given to an append. */
  #newest = 0;

  constructor(publisher: Publisher, storedId: StoredId, { groupSingles, durability }: Settings) {
    this.prefersGroups = groupSingles;
    this.#queue = new SendQueue(new GroupSender(publisher, storedId), groupSingles);
    this.#durability = durability;
  }

  /**
   * Stores `before`, the entries and `behind` as one contiguous batch; resolves with the last message's sequence once it is
   * durable. Rejects with `LogConflict`, `LogUnavailable`, `LogFull`, `EventRefused`.
   */
  append(entries: readonly Append[], companions: Companions = NONE): Promise<number> {
    return new Promise((resolve, reject) => {
      const stored = (seq: number): void => {
        this.#noteStored(seq);
        this.#durability.through(seq, () => resolve(seq));
      };
      this.#add({ entries, companions, isWhole: true, resolve: stored, reject });
    });
  }

  /** See `EventLog.appendInOrder`. */
  appendInOrder(entries: readonly Append[]): Promise<number> {
    if (entries.length > 1)
      return this.#queue.isBusy ? this.#appendTogether(entries) : this.#appendOneByOne(entries);
    return new Promise((resolve, reject) => {
      const stored = (seq: number): void => {
        this.#noteStored(seq);
        resolve(1);
      };
      const failed = (error: Error): void => (error instanceof LogConflict ? resolve(0) : reject(error));
      this.#add({ entries, resolve: stored, reject: failed });
    });
  }

  /** See `EventLog.untilDurable`. */
  untilDurable(): Promise<void> {
    return untilOnDisk(this.#durability, this.#newest);
  }

  /** As many as are stored; where not all can be, that is found one by one. */
  async #appendTogether(entries: readonly Append[]): Promise<number> {
    try {
      await this.#store(entries);
      return entries.length;
    } catch (error) {
      if (error instanceof LogConflict || error instanceof EventRefused) return this.#appendOneByOne(entries);
      throw error;
    }
  }

  async #appendOneByOne(entries: readonly Append[]): Promise<number> {
    let stored = 0;
    try {
      for (const entry of entries) {
        await this.#store([entry]);
        stored++;
      }
    } catch (error) {
      if (!(error instanceof LogConflict)) throw error;
    }
    return stored;
  }

  /** As `append`, but for the durability. */
  #store(entries: readonly Append[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const stored = (seq: number): void => {
        this.#noteStored(seq);
        resolve();
      };
      this.#add({ entries, resolve: stored, reject });
    });
  }

  #noteStored(seq: number): void {
    this.#newest = Math.max(this.#newest, seq);
  }

  #add({ entries, companions = NONE, isWhole = false, resolve, reject }: Addition): void {
    if (entries.length > MAX_BATCH)
      throw new RangeError(`at most ${MAX_BATCH} events can be stored together`);
    const messages = messagesOf(entries, companions);
    const tooLarge = messages.find(isTooLarge);
    if (tooLarge)
      return reject(new EventRefused(`the event at '${tooLarge.subject}' is larger than the log takes`));
    const giveUpAt = performance.now() + GIVE_UP_MS;
    this.#queue.add({ messages, isWhole, resolve, reject, giveUpAt });
  }
}

function messagesOf(entries: readonly Append[], { before, behind }: Companions): readonly Message[] {
  const events = entries.map(asMessage);
  if (before.length + behind.length === 0) return events;
  return [...before.map(withoutId), ...events, ...behind.map(withoutId)];
}

const asMessage = ({ name, key, event, id, bytes }: Append): Message => ({
  subject: subjectOf(name, key, event),
  id,
  bytes,
  headers: event.type === 'progress' ? NO_HEADERS : EXPECT_NONE,
});

const withoutId = (message: BatchMessage): Message => ({ id: '', ...message });

const isTooLarge = ({ bytes }: Message): boolean => bytes.length > MAX_EVENT_BYTES - HEADER_BYTES;
