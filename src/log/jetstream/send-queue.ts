import { LogUnavailable } from '../log.ts';
import type { Group, Message } from './group.ts';
import type { GroupSender } from './group-sender.ts';

/** How many messages are merged into one atomic batch. */
export const MAX_BATCH = 1_000;
const MAX_OPEN_BATCHES = 2;
/** From here on one batch costs less than that many fsyncs (2.7 ms each way at 16 waiting). */
const GROUP_FROM = 16;

/**
 * Groups that wait for their turn to be sent.
 *
 * One event goes as one publish. Several of one request go as one atomic batch, which costs 1.5-2.5 ms
 * whatever its size, so requests that wait are merged into one. Where the server does an fsync for each publish, single
 * events are merged as well once 16 wait: a batch is one fsync, where singles pay one each (5.5 k/s singly, 41 k/s with
 * 256 waiting). A batch that fails is taken apart and its groups sent one by one: so a conflict isolates itself.
 */
export class SendQueue {
  readonly #sender: GroupSender;
  readonly #groupSingles: boolean;
  #waiting: Group[] = [];
  #openSingles = 0;
  #openBatches = 0;
  /** Of those that are open, the ones that have been sent and not answered yet: the others are to be sent again. */
  readonly #unanswered = { singles: 0, batches: 0 };
  #scheduled = false;

  /** `groupSingles`: the server has each publish on disk before it answers. */
  constructor(sender: GroupSender, groupSingles: boolean) {
    this.#sender = sender;
    this.#groupSingles = groupSingles;
  }

  add(group: Group): void {
    this.#waiting.push(group);
    if (this.#scheduled) return;
    this.#scheduled = true;
    // What one turn of the event loop brings travels together.
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  /** A batch is under way, or so many single events that they are worth one. */
  get isBusy(): boolean {
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
      const settling = this.#sender.settle(group, Promise.reject(error));
      void settling.then(() => {
        this.#openSingles--;
        this.#flush();
      });
      this.#flush();
    };
    this.#sender.sendSingle(group.messages[0] as Message, settled, failed);
  }

  async #sendBatch(groups: readonly Group[]): Promise<void> {
    this.#openBatches++;
    this.#unanswered.batches++;
    const sent = this.#sender.send(groups.flatMap((group) => group.messages));
    const answered = (): void => {
      this.#unanswered.batches--;
      this.#flush();
    };
    void sent.then(answered, answered);
    try {
      if (groups.length === 1) await this.#sender.settle(groups[0] as Group, sent);
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
      else await Promise.all(groups.map((group) => this.#sender.settleAlone(group, error as Error)));
    }
  }
}
