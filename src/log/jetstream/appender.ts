import { setTimeout as delay } from 'node:timers/promises';
import { type Append, EventRefused, LogConflict, LogUnavailable } from '../log.ts';
import { subjectOf } from '../subject.ts';
import type { Durability } from './durability.ts';
import { type BatchMessage, type Companions, publishBatch } from './publish-batch.ts';
import { EXPECT_NONE, NO_HEADERS, NotNow, type Publisher, WrongLastSequence } from './publisher.ts';
import { MAX_EVENT_BYTES } from './stream.ts';

/** How many events one append may bring, and how many messages are merged into one atomic batch. */
export const MAX_BATCH = 1_000;
const MAX_OPEN_BATCHES = 2;
/** From here on one batch costs less than that many fsyncs (2.7 ms each way at 16 waiting). */
const GROUP_FROM = 16;
/** Room for what travels with an event. */
const HEADER_BYTES = 1_024;
const RETRY_MS = 150;
/** A leader's election takes 5-6 s; who appends meanwhile waits this long before hearing 503. */
const GIVE_UP_MS = 10_000;

interface Message extends BatchMessage {
  /** The event's own id; empty for a record that is none. */
  readonly id: string;
}

const NONE: Companions = { before: [], behind: [] };

const asMessage = ({ name, key, event, id, data }: Append): Message => ({
  subject: subjectOf(name, key, event),
  id,
  bytes: data,
  headers: event.type === 'progress' ? NO_HEADERS : EXPECT_NONE,
});

const withoutId = (message: BatchMessage): Message => ({ id: '', ...message });

const isTooLarge = ({ bytes }: Message): boolean => bytes.length > MAX_EVENT_BYTES - HEADER_BYTES;

/** Messages that are stored together or not at all. */
interface Group {
  readonly messages: readonly Message[];
  /** None of them has been sent with others before: where one is stored, so are all, or will be. */
  readonly isWhole: boolean;
  readonly giveUpAt: number;
  resolve(seq: number): void;
  reject(error: Error): void;
}

interface Settings {
  /** The server has each publish on disk before it answers. */
  readonly groupSingles: boolean;
  readonly durability: Durability;
}

type StoredId = (subject: string) => Promise<{ readonly id: string; readonly seq: number } | undefined>;

/**
 * Brings events into the log.
 *
 * One event goes as one publish. Several of one request go as one atomic batch, which costs 1.5-2.5 ms
 * whatever its size, so requests that wait are merged into one. Where the server does an fsync for each publish, single
 * events are merged as well once 16 wait: a batch is one fsync, where singles pay one each (5.5 k/s singly, 41 k/s with
 * 256 waiting). A batch that fails is taken apart and its groups sent one by one: so a conflict isolates itself.
 *
 * Every event but progress demands that its subject is still empty. That makes sending again safe: a
 * conflict with one's own event, told by its id, is a success. Progress is sent once: it might be there twice.
 */
export class Appender {
  readonly #publisher: Publisher;
  readonly #storedId: StoredId;
  readonly #groupSingles: boolean;
  readonly #durability: Durability;
  /** The last sequence that was given to an append. */
  #newest = 0;
  #waiting: Group[] = [];
  #openSingles = 0;
  #openBatches = 0;
  /** Of those that are open, the ones that have been sent and not answered yet: the others are to be sent again. */
  readonly #unanswered = { singles: 0, batches: 0 };
  #scheduled = false;

  constructor(publisher: Publisher, storedId: StoredId, { groupSingles, durability }: Settings) {
    this.#publisher = publisher;
    this.#storedId = storedId;
    this.#groupSingles = groupSingles;
    this.#durability = durability;
  }

  /**
   * Resolves with the last sequence that was given out, once it is durable; all are stored side by side: what comes before
   * the entries, they, and what comes behind. Rejects with `LogConflict`, `LogUnavailable`, `LogFull`, `EventRefused`.
   */
  append(entries: readonly Append[], companions: Companions = NONE): Promise<number> {
    return new Promise((resolve, reject) => {
      const durable = (seq: number): void => this.#durability.through(seq, () => resolve(seq));
      this.#add(entries, companions, durable, reject, true);
    });
  }

  /** The same, but for the durability. */
  #store(entries: readonly Append[]): Promise<number> {
    return new Promise((resolve, reject) => this.#add(entries, NONE, resolve, reject));
  }

  /** Calls `then` once all that was stored here before is durable. */
  whenDurable(then: () => void): void {
    this.#durability.through(this.#newest, then);
  }

  #add(
    entries: readonly Append[],
    { before, behind }: Companions,
    resolve: (seq: number) => void,
    reject: (error: Error) => void,
    isWhole = false,
  ): void {
    if (entries.length > MAX_BATCH)
      throw new RangeError(`at most ${MAX_BATCH} events can be stored together`);
    const events = entries.map(asMessage);
    const messages =
      before.length + behind.length === 0
        ? events
        : [...before.map(withoutId), ...events, ...behind.map(withoutId)];
    const tooLarge = messages.find(isTooLarge);
    if (tooLarge)
      return reject(new EventRefused(`the event at '${tooLarge.subject}' is larger than the log takes`));
    const stored = (seq: number): void => {
      this.#newest = Math.max(this.#newest, seq);
      resolve(seq);
    };
    const giveUpAt = performance.now() + GIVE_UP_MS;
    this.#waiting.push({ messages, isWhole, resolve: stored, reject, giveUpAt });
    if (this.#scheduled) return;
    this.#scheduled = true;
    // What one turn of the event loop brings travels together.
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  /** See `EventLog.appendInOrder`. */
  appendInOrder(entries: readonly Append[]): Promise<number> {
    if (entries.length > 1) return this.#appendSeveral(entries);
    return new Promise((resolve, reject) => {
      const failed = (error: Error): void => (error instanceof LogConflict ? resolve(0) : reject(error));
      this.#add(entries, NONE, () => resolve(1), failed);
    });
  }

  /** While others wait too, all go together; a conflict is then found one by one. */
  async #appendSeveral(entries: readonly Append[]): Promise<number> {
    let stored = 0;
    try {
      if (this.#isBusy) return await this.#store(entries).then(() => entries.length);
    } catch (error) {
      if (!(error instanceof LogConflict || error instanceof EventRefused)) throw error;
    }
    try {
      for (; stored < entries.length; stored++) await this.#store([entries[stored] as Append]);
    } catch (error) {
      if (!(error instanceof LogConflict)) throw error;
    }
    return stored;
  }

  get gathers(): boolean {
    return this.#groupSingles;
  }

  get #isBusy(): boolean {
    return this.#openBatches > 0 || this.#openSingles + this.#waiting.length >= GROUP_FROM;
  }

  /**
   * Where single events are merged, a batch waits for the answer to what was sent, as what comes meanwhile waits for its
   * own: so batches are larger and fsyncs fewer. 1.2 times as many blocking hellos with 256 callers; with 64 and 16 it makes no
   * difference.
   */
  get #mayOpenBatch(): boolean {
    const { singles, batches } = this.#unanswered;
    return this.#openBatches < MAX_OPEN_BATCHES && (!this.#groupSingles || singles + batches === 0);
  }

  get #maySendSingle(): boolean {
    return !this.#groupSingles || (this.#unanswered.batches === 0 && this.#openSingles < GROUP_FROM);
  }

  #flush(): void {
    while (this.#waiting.length > 0) {
      const [head] = this.#waiting as [Group];
      const group = head.messages.length > 1 || (this.#groupSingles && this.#waiting.length >= GROUP_FROM);
      if (group) {
        if (!this.#mayOpenBatch) return;
        void this.#sendBatch(this.#takeBatch());
      } else {
        if (!this.#maySendSingle) return;
        this.#waiting.shift();
        this.#sendSingle(head);
      }
    }
  }

  #takeBatch(): Group[] {
    let messages = 0;
    let groups = 0;
    for (const group of this.#waiting) {
      if (groups > 0 && messages + group.messages.length > MAX_BATCH) break;
      messages += group.messages.length;
      groups++;
    }
    return this.#waiting.splice(0, groups);
  }

  /** No promise for what nearly always happens: with its `await` one costs a kilobyte. */
  #sendSingle(group: Group): void {
    this.#openSingles++;
    this.#unanswered.singles++;
    const settled = (seq: number): void => {
      this.#unanswered.singles--;
      this.#openSingles--;
      group.resolve(seq);
      this.#flush();
    };
    const failed = (error: Error): void => {
      this.#unanswered.singles--;
      const settling = this.#settle(group, Promise.reject(error));
      void settling.then(() => {
        this.#openSingles--;
        this.#flush();
      });
      this.#flush();
    };
    this.#publishSingle(group.messages[0] as Message, settled, failed);
  }

  async #sendBatch(groups: readonly Group[]): Promise<void> {
    this.#openBatches++;
    this.#unanswered.batches++;
    const sent = this.#publishGroup(groups.flatMap((group) => group.messages));
    const answered = (): void => {
      this.#unanswered.batches--;
      this.#flush();
    };
    void sent.then(answered, answered);
    try {
      if (groups.length === 1) await this.#settle(groups[0] as Group, sent);
      else await this.#storeTogether(groups, sent);
    } finally {
      this.#openBatches--;
      this.#flush();
    }
  }

  async #storeTogether(groups: readonly Group[], sent: Promise<number>): Promise<void> {
    try {
      let seq = (await sent) - groups.reduce((sum, { messages }) => sum + messages.length, 0);
      for (const group of groups) {
        seq += group.messages.length;
        group.resolve(seq);
      }
    } catch (error) {
      if (error instanceof LogUnavailable) for (const group of groups) group.reject(error);
      else await Promise.all(groups.map((group) => this.#settleAlone(group, error as Error)));
    }
  }

  /** The batch that the group was part of has failed: it is sent on its own, if that is safe. */
  #settleAlone(group: Group, error: Error): Promise<void> {
    if (!(error instanceof NotNow) || isRepeatable(group)) return this.#settle(group);
    group.reject(new LogUnavailable(error.message, { cause: error }));
    return Promise.resolve();
  }

  /** Sends one group until its fate is known; `sent` is the first time. */
  async #settle(group: Group, sent = this.#publishGroup(group.messages)): Promise<void> {
    for (let sending = sent; ; sending = this.#publishGroup(group.messages)) {
      try {
        return group.resolve(await this.#sentOrFound(group, sending));
      } catch (error) {
        if (!(error instanceof NotNow)) return group.reject(error as Error);
        if (performance.now() > group.giveUpAt || !isRepeatable(group))
          return group.reject(new LogUnavailable(error.message, { cause: error }));
      }
      await delay(RETRY_MS);
    }
  }

  /** Resolves with the last one's sequence, also if the group was stored when it was sent before. */
  async #sentOrFound({ messages, isWhole }: Group, sent: Promise<number>): Promise<number> {
    try {
      return await sent;
    } catch (error) {
      if (!(error instanceof WrongLastSequence)) throw error;
      const at = messages.findLastIndex(({ id }) => id !== '');
      const last = messages[at] as Message;
      const stored = await this.#readBack(last.subject);
      // They lie side by side.
      if (stored?.id === last.id) return stored.seq + messages.length - 1 - at;
      // Perhaps this very group, sent before an election, or on a disk that was full half-way: who asks again hears what
      // came of it.
      if (!stored && (error.isUndecided || (isWhole && (await this.#isBegun(messages)))))
        throw new NotNow(error.message, { cause: error });
      throw new LogConflict(`the log has moved on past what '${last.subject}' builds on`, { cause: error });
    }
  }

  /** Whether the log has the first of them. */
  async #isBegun(messages: readonly Message[]): Promise<boolean> {
    const first = messages.find(({ id }) => id !== '');
    return first !== undefined && (await this.#readBack(first.subject))?.id === first.id;
  }

  async #readBack(subject: string): Promise<Awaited<ReturnType<StoredId>>> {
    try {
      return await this.#storedId(subject);
    } catch (cause) {
      throw new NotNow('could not read back what is stored', { cause });
    }
  }

  /** Resolves with the sequence of the last one. */
  #publishGroup(messages: readonly Message[]): Promise<number> {
    if (messages.length > 1) return publishBatch(this.#publisher, messages);
    return new Promise((resolve, reject) => this.#publishSingle(messages[0] as Message, resolve, reject));
  }

  #publishSingle(
    { subject, bytes, headers }: Message,
    resolve: (seq: number) => void,
    reject: (error: Error) => void,
  ): void {
    this.#publisher.publishThen(resolve, reject, subject, bytes, headers);
  }
}

/** False if the log would store it again. */
const isRepeatable = ({ messages }: Group): boolean => messages.every(({ headers }) => headers.length > 0);
