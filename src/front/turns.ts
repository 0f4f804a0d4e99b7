import { setTimeout as delay } from 'node:timers/promises';
import type { Limits } from '../accounts/limits.ts';
import type { Creates, Submission, Turn } from '../log/creates.ts';
import { LogConflict, LogUnavailable } from '../log/log.ts';
import type { Projection } from '../projection/projection.ts';
import { RequestError } from './request-error.ts';
import { untilFolded } from './within.ts';

/** Other fronts that are faster every time: so many turns are lost before a create is told to come again. */
const TRIES = 20;
/** On a cluster a turn can be lost to one that cannot be read yet. */
const AGAIN_MS = 10;
const MAX_TOGETHER = 1_000;
/** Accounts whose last turn is known here, in 15 MB; that of the others is read from the log. */
const KNOWN_AT_MOST = 100_000;

type Wish = Pick<Submission, 'entries' | 'records'>;

interface Waiting extends Wish {
  /** It may be what keeps others from being stored. */
  isAlone: boolean;
  resolve(seq: number): void;
  reject(error: unknown): void;
}

/** What became of the admitted: another front may have been `faster`, or one of the named creates be stored already. */
type TurnTaken =
  | { readonly outcome: 'stored'; readonly admitted: Waiting[] }
  | { readonly outcome: 'faster'; readonly admitted: Waiting[] }
  | { readonly outcome: 'other_conflict'; readonly admitted: Waiting[]; readonly conflict: LogConflict };

interface Parts {
  readonly creates: Creates;
  readonly projection: Projection;
  readonly limits: Limits;
  /** Called for each turn that was lost to another front. */
  onLost?(): void;
}

/**
 * Lets the creates of each account that has limits into the log one turn after the other.
 *
 * What an account uses is known from the fold, so a decision is as good as the fold is complete. Hence a turn
 * 1. begins when the fold has the tasks of the turn before;
 * 2. decides which of the waiting creates fit, and refuses the others;
 * 3. stores their tasks together with a record at the account's own place, on the condition that the last
 *    record there is still that of the turn before. If another front was faster nothing is stored: this one
 *    catches up with that front's tasks and decides again.
 *
 * So no limit is ever passed, by however many fronts, and nobody is refused for tasks that were counted twice.
 * Creates that arrive during a turn share the next one: one batch each 2-5 ms, whatever their number. Accounts
 * without limits have no turns.
 */
export class Turns {
  readonly #parts: Parts;
  /** The creates that wait, of each account that has a turn under way. */
  readonly #queues = new Map<string, Waiting[]>();
  /** The last turn that this front knows of. Accounts come and go with the accounts file. */
  readonly #last = new Map<string, Turn>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Resolves with the sequence of its last entry, once all are stored, side by side. Rejects with a 401 `RequestError` when the
   * limits do not admit all of it, with `LogConflict` when the request has been stored by another front, else
   * as `Creates.submit` does.
   */
  take(account: string, wish: Wish): Promise<number> {
    return new Promise((resolve, reject) => {
      const waiting = { ...wish, isAlone: false, resolve, reject };
      const queue = this.#queues.get(account);
      if (queue) return void queue.push(waiting);
      this.#queues.set(account, [waiting]);
      void this.#serve(account);
    });
  }

  async #serve(account: string): Promise<void> {
    const queue = this.#queues.get(account) as Waiting[];
    while (queue.length > 0) {
      let left = takeTogether(queue);
      try {
        for (let tries = 0; left.length > 0; tries++) {
          if (tries === TRIES) throw new LogUnavailable('other fronts were faster each time');
          const turn = await this.#turn(account, left);
          left = turn.admitted;
          if (turn.outcome === 'stored') break;
          if (turn.outcome === 'faster') continue;
          // It may be a named create that somebody else has stored. Alone, each finds out for itself.
          const [only, ...others] = left as [Waiting, ...Waiting[]];
          if (others.length === 0 && only.records.length > 0) throw turn.conflict;
          for (const waiting of left) waiting.isAlone = true;
          queue.unshift(...others);
          left = [only];
          await delay(AGAIN_MS);
        }
      } catch (error) {
        for (const { reject } of left) reject(error);
      }
    }
    this.#queues.delete(account);
  }

  /** Refuses those that do not fit, and stores the others or nothing. Rejects for all of them. */
  async #turn(account: string, together: readonly Waiting[]): Promise<TurnTaken> {
    const { creates, projection } = this.#parts;
    const last = this.#last.get(account) ?? (await creates.lastTurn(account));
    await untilFolded(projection.reached(last.end));
    const admitted = this.#admit(account, together);
    if (admitted.length === 0) return { outcome: 'stored', admitted };
    try {
      const entries = admitted.flatMap((waiting) => waiting.entries);
      const records = admitted.flatMap((waiting) => waiting.records);
      const turn = { account, after: last.seq };
      const stored = await creates.submit({ entries, turn, records });
      this.#remember(account, stored.turn);
      let seq = stored.seq - entries.length;
      for (const waiting of admitted) {
        seq += waiting.entries.length;
        waiting.resolve(seq);
      }
      return { outcome: 'stored', admitted };
    } catch (conflict) {
      // What became of it is not known, so neither is whose turn was the last.
      this.#last.delete(account);
      if (!(conflict instanceof LogConflict)) throw conflict;
      const now = await creates.lastTurn(account);
      this.#remember(account, now);
      if (now.seq === last.seq) return { outcome: 'other_conflict', admitted, conflict };
      this.#parts.onLost?.();
      return { outcome: 'faster', admitted };
    }
  }

  #remember(account: string, turn: Turn): void {
    if (this.#last.size >= KNOWN_AT_MOST) this.#last.clear();
    this.#last.set(account, turn);
  }

  /** Those whose tasks fit, each whole; the others are refused. */
  #admit(account: string, together: readonly Waiting[]): Waiting[] {
    let tasks = 0;
    return together.filter(({ entries, reject }) => {
      const refusals = this.#parts.limits.refusals(account, entries.length, tasks, Date.now());
      const isAdmitted = refusals.length === 0;
      if (isAdmitted) tasks += entries.length;
      else {
        const problems = refusals.map((refusal) => ({ ...refusal, location: 'body' as const }));
        reject(new RequestError(401, problems));
      }
      return isAdmitted;
    });
  }
}

/** Those at the head that can share a turn. */
function takeTogether(queue: Waiting[]): Waiting[] {
  let messages = 0;
  const end = queue.findIndex(({ entries, records, isAlone }, index) => {
    messages += entries.length + records.length;
    return index > 0 && (messages > MAX_TOGETHER || isAlone || queue[0]?.isAlone);
  });
  return queue.splice(0, end === -1 ? queue.length : end);
}
