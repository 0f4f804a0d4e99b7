import type { AccountLimits } from './account.ts';
import { MinuteWindow } from './minute-window.ts';

/** Room that is kept for a create from before its append until the fold has its events. */
export interface Reservation {
  readonly ok: true;
  /** The events are in the fold, which counts them from here on. Settling or cancelling again does nothing. */
  settle(): void;
  /** The append failed: there will be no events. */
  cancel(): void;
}

/** Why a create may not be. For the wire: a 401 that carries `description`. */
export interface LimitRefusal {
  readonly ok: false;
  readonly name: keyof AccountLimits;
  readonly limit: number;
  /** Tasks that count against the limit now, reserved ones included. */
  readonly current: number;
  readonly description: string;
}

interface Usage {
  active: number;
  reserved: number;
  /** Only while the account has `tasks_per_minute`. */
  window: MinuteWindow | undefined;
}

const UNLIMITED: Reservation = { ok: true, settle() {}, cancel() {} };

/**
 * What each account uses, in three phases for each task: reserved by the front that appends it, queued once the
 * fold has its event (whichever front appended it), gone once the fold has its end.
 *
 * Between a task's `queued` and its reservation's `settle` it counts twice, so that a create can be refused a
 * moment too early but never accepted a moment too late: settle as soon as the fold has the events. Fronts do
 * not see each other's reservations; together they can pass a limit by what they have in flight.
 */
export class Limits {
  readonly #limitsOf: (account: string) => AccountLimits | undefined;
  readonly #usages = new Map<string, Usage>();
  #hand = this.#usages.entries();

  /** `limitsOf` is asked on every call, so that a limit holds from the moment the accounts are re-read. */
  constructor(limitsOf: (account: string) => AccountLimits | undefined) {
    this.#limitsOf = limitsOf;
  }

  /** Accounts that are remembered because they have tasks, reservations or a window with something in it. */
  get size(): number {
    return this.#usages.size;
  }

  /** Queued or executing tasks of an account, as far as the fold has come. */
  activeTasks(account: string): number {
    return this.#usages.get(account)?.active ?? 0;
  }

  /** To be called once for each task that the fold sees queued; on start for each open task of the checkpoint too. */
  queued(account: string, atMs: number, nowMs: number = Date.now()): void {
    const usage = this.#usage(account, this.#limitsOf(account));
    usage.active += 1;
    usage.window?.add(1, atMs, nowMs);
    this.#forgetOne(nowMs);
  }

  /** To be called once for each task that was `queued` and has ended. */
  ended(account: string): void {
    const usage = this.#usages.get(account);
    if (usage === undefined) return;
    usage.active = Math.max(0, usage.active - 1);
    if (usage.window === undefined && usage.active + usage.reserved === 0) this.#usages.delete(account);
  }

  /** Asks for room for `count` tasks of one request: for all of them or none. */
  reserve(account: string, count: number, nowMs: number): Reservation | LimitRefusal {
    this.#forgetOne(nowMs);
    const limits = this.#limitsOf(account);
    if (limits?.active_tasks === undefined && limits?.tasks_per_minute === undefined) return UNLIMITED;
    const usage = this.#usage(account, limits);
    return refusalFor(account, limits, usage, count, nowMs) ?? hold(usage, count);
  }

  #usage(account: string, limits: AccountLimits | undefined): Usage {
    let usage = this.#usages.get(account);
    if (usage === undefined) {
      usage = { active: 0, reserved: 0, window: undefined };
      this.#usages.set(account, usage);
    }
    // A limit that comes with a re-read file counts its minute from then on.
    if (limits?.tasks_per_minute === undefined) usage.window = undefined;
    else usage.window ??= new MinuteWindow();
    return usage;
  }

  /** Looks at one account a call, in turns: a sweep over all of them would make one call in many a slow one. */
  #forgetOne(nowMs: number): void {
    const { done, value } = this.#hand.next();
    if (done) {
      this.#hand = this.#usages.entries();
      return;
    }
    const [account, { active, reserved, window }] = value;
    if (active + reserved === 0 && (window === undefined || window.total(nowMs) === 0))
      this.#usages.delete(account);
  }
}

function hold(usage: Usage, count: number): Reservation {
  let held = count;
  const release = (): void => {
    usage.reserved -= held;
    held = 0;
  };
  usage.reserved += count;
  return { ok: true, settle: release, cancel: release };
}

function refusalFor(
  account: string,
  { active_tasks = Number.POSITIVE_INFINITY, tasks_per_minute = Number.POSITIVE_INFINITY }: AccountLimits,
  { active, reserved, window }: Usage,
  count: number,
  nowMs: number,
): LimitRefusal | undefined {
  const activeNow = active + reserved;
  if (activeNow + count > active_tasks)
    return {
      ok: false,
      name: 'active_tasks',
      limit: active_tasks,
      current: activeNow,
      description:
        `account '${account}' may have ${active_tasks} active tasks, ` +
        `it has ${activeNow} and this request adds ${count}`,
    };
  const created = (window?.total(nowMs) ?? 0) + reserved;
  if (created + count > tasks_per_minute)
    return {
      ok: false,
      name: 'tasks_per_minute',
      limit: tasks_per_minute,
      current: created,
      description:
        `account '${account}' may create ${tasks_per_minute} tasks a minute, ` +
        `it has created ${created} in the last 60 seconds and this request adds ${count}`,
    };
  return undefined;
}
