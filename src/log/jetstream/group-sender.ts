import { setTimeout as delay } from 'node:timers/promises';
import { LogConflict, LogUnavailable } from '../log.ts';
import { type Group, isRepeatable, type Message } from './group.ts';
import { publishBatch } from './publish-batch.ts';
import { NotNow, type Publisher, WrongLastSequence } from './publisher.ts';

const RETRY_MS = 150;

/** Which event stands at a subject, and where; undefined if there is none. */
export type StoredId = (
  subject: string,
) => Promise<{ readonly id: string; readonly seq: number } | undefined>;

/**
 * Sends groups, and finds out what became of them.
 *
 * Every event but progress demands that its subject is still empty. That makes sending again safe: a
 * conflict with one's own event, told by its id, is a success. Progress is sent once: it might be there twice.
 */
export class GroupSender {
  readonly #publisher: Publisher;
  readonly #storedId: StoredId;

  constructor(publisher: Publisher, storedId: StoredId) {
    this.#publisher = publisher;
    this.#storedId = storedId;
  }

  /** Resolves with the sequence of the last one. Rejects as `Publisher.publish` does. */
  send(messages: readonly Message[]): Promise<number> {
    if (messages.length > 1) return publishBatch(this.#publisher, messages);
    return new Promise((resolve, reject) => this.sendSingle(messages[0] as Message, resolve, reject));
  }

  sendSingle(
    { subject, bytes, headers }: Message,
    resolve: (seq: number) => void,
    reject: (error: Error) => void,
  ): void {
    this.#publisher.publishThen(resolve, reject, subject, bytes, headers);
  }

  /** Sends one group until its fate is known, and tells it; `sent` is the first time. */
  async settle(group: Group, sent = this.send(group.messages)): Promise<void> {
    for (let sending = sent; ; sending = this.send(group.messages)) {
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

  /** The batch that the group was part of has failed: it is sent on its own, if that is safe. */
  settleAlone(group: Group, error: Error): Promise<void> {
    if (!(error instanceof NotNow) || isRepeatable(group)) return this.settle(group);
    group.reject(new LogUnavailable(error.message, { cause: error }));
    return Promise.resolve();
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
}
