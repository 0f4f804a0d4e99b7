import type { AccountLimits } from './account.ts';
import { MinuteWindow } from './minute-window.ts';

/** Why tasks may not be created, as the problem of a 401 says it. */
interface LimitRefusal {
  readonly name: keyof AccountLimits;
  readonly description: string;
}

/** Tasks that an account created within one second of the last minute. */
export interface RecentCount {
  readonly account: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly count: number;
}

interface Usage {
  active: number;
  /** Only while the account has `tasks_per_minute`. */
  window: MinuteWindow | undefined;
}

const NOTHING: Usage = { active: 0, window: undefined };

/**
 * What each account uses, as far as the fold has come: active from the moment that the fold has a task's `queued`
 * to the moment that it has its end, and counted in its minute. That the fold has everything on which a decision
 * depends is for the caller to see to, by taking turns.
 */
export class Limits {
  readonly #limitsOf: (account: string) => AccountLimits | undefined;
  readonly #usages = new Map<string, Usage>();
  #hand = this.#usages.entries();

  /** `limitsOf` is asked on every call, so that a limit holds from the moment the accounts are re-read. */
  constructor(limitsOf: (account: string) => AccountLimits | undefined) {
    this.#limitsOf = limitsOf;
  }

  /** Accounts that are remembered because they have tasks, or a window with something in it. */
  get size(): number {
    return this.#usages.size;
  }

  /** Queued or executing tasks of an account, as far as the fold has come. */
  activeTasks(account: string): number {
    return this.#usages.get(account)?.active ?? 0;
  }

  isLimited(account: string): boolean {
    const limits = this.#limitsOf(account);
    return limits?.active_tasks !== undefined || limits?.tasks_per_minute !== undefined;
  }

  /** What the accounts with a limit a minute have created lately: for a checkpoint, with the open tasks. */
  recent(nowMs: number = Date.now()): RecentCount[] {
    return [...this.#usages].flatMap(([account, { window }]) =>
      (window?.counts(nowMs) ?? []).map((counted) => ({ account, ...counted })),
    );
  }

  /** Takes over from a checkpoint: the account of each open task, and what `recent` said. */
  restore(
    accountsOfOpen: Iterable<string>,
    recent: readonly RecentCount[],
    nowMs: number = Date.now(),
  ): void {
    for (const account of accountsOfOpen) this.#usage(account).active += 1;
    for (const { account, count, atMs } of recent) this.#usage(account).window?.add(count, atMs, nowMs);
  }

  /** To be called once for each task that the fold sees queued. */
  queued(account: string, atMs: number, nowMs: number = Date.now()): void {
    const usage = this.#usage(account);
    usage.active += 1;
    usage.window?.add(1, atMs, nowMs);
    this.#forgetOne(nowMs);
  }

  /** To be called once for each task that was `queued` and has ended. */
  ended(account: string): void {
    const usage = this.#usages.get(account);
    if (usage === undefined) return;
    usage.active = Math.max(0, usage.active - 1);
    if (usage.window === undefined && usage.active === 0) this.#usages.delete(account);
  }

  /**
   * Why `count` tasks of one request may not be created, all of them or none: a reason for each limit; none if they may.
   * `others` are tasks about to be created beside them, which the fold does not have yet.
   */
  refusals(account: string, count: number, others: number, nowMs: number): LimitRefusal[] {
    this.#forgetOne(nowMs);
    const limits = this.#limitsOf(account) ?? {};
    const { active, window } = this.#usages.get(account) ?? NOTHING;
    const lately = window?.total(nowMs) ?? 0;
    return [
      activeRefusal(account, limits, active + others, count),
      minuteRefusal(account, limits, lately + others, count),
    ].filter((refusal) => refusal !== undefined);
  }

  #usage(account: string): Usage {
    let usage = this.#usages.get(account);
    if (usage === undefined) {
      usage = { active: 0, window: undefined };
      this.#usages.set(account, usage);
    }
    // A limit that comes with a re-read file counts its minute from then on.
    if (this.#limitsOf(account)?.tasks_per_minute === undefined) usage.window = undefined;
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
    const [account, { active, window }] = value;
    if (active === 0 && (window === undefined || window.total(nowMs) === 0)) this.#usages.delete(account);
  }
}

function activeRefusal(
  account: string,
  { active_tasks }: AccountLimits,
  current: number,
  count: number,
): LimitRefusal | undefined {
  if (active_tasks === undefined || current + count <= active_tasks) return undefined;
  const description =
    `account '${account}' may have ${active_tasks} active tasks, ` +
    `it has ${current} and this request adds ${count}`;
  return { name: 'active_tasks', description };
}

function minuteRefusal(
  account: string,
  { tasks_per_minute }: AccountLimits,
  current: number,
  count: number,
): LimitRefusal | undefined {
  if (tasks_per_minute === undefined || current + count <= tasks_per_minute) return undefined;
  const description =
    `account '${account}' may create ${tasks_per_minute} tasks a minute, ` +
    `it has created ${current} in the last 60 seconds and this request adds ${count}`;
  return { name: 'tasks_per_minute', description };
}
