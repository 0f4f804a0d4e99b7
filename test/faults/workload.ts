import { setTimeout as delay } from 'node:timers/promises';
import type { Caller } from './caller.ts';
import type { Account } from './deployment.ts';
import type { Random } from './random.ts';
import { drawTask } from './tasks.ts';

export interface WorkloadOptions {
  readonly caller: Caller;
  readonly accounts: readonly Account[];
  readonly fronts: number;
  readonly originUrl: string;
  readonly random: Random;
  readonly clients: number;
}

interface Known {
  readonly key: string;
  readonly account: Account;
}

/** How often a request under an Idempotency-Key is repeated until it has an answer. */
const REPEATS = 8;

/**
 * Clients that create, block, follow, ask and cancel, each one call after the other and at whichever front.
 * What they ask is drawn from the seed; the keys that they ask about are those they happen to know.
 */
export class Workload {
  readonly #options: WorkloadOptions;
  readonly #known: Known[] = [];

  constructor(options: WorkloadOptions) {
    this.#options = options;
  }

  /** Resolves when the last call that was begun before the signal has its answer, or none. */
  async run(stop: AbortSignal): Promise<void> {
    const { clients, random } = this.#options;
    await Promise.all(
      Array.from({ length: clients }, (_, index) => this.#client(random.fork(`client ${index}`), stop)),
    );
  }

  async #client(random: Random, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await this.#act(random);
      await delay(random.integer(10, 150));
    }
  }

  async #act(random: Random): Promise<void> {
    const { caller, accounts, fronts, originUrl } = this.#options;
    const account = random.pick(accounts) as Account;
    const front = random.integer(0, fronts - 1);
    const tasks = Array.from({ length: random.pick([1, 1, 1, 2, 5, 20]) as number }, () =>
      drawTask(random, originUrl),
    );
    const known = random.pick(this.#known.slice(-200));
    const action = random.weighted({
      ...{ create: 25, block: 12, feed: 12, idempotent: 10 },
      ...(known ? { status: 20, wait: 4, follow: 6, cancel: 6, file: 5 } : {}),
    } as Record<
      'create' | 'block' | 'feed' | 'idempotent' | 'status' | 'wait' | 'follow' | 'cancel' | 'file',
      number
    >);
    const keys = known ? [known.key] : [];
    const owner = known?.account ?? account;
    switch (action) {
      case 'create':
      case 'block': {
        const options = { request: caller.newRequest(), block: action === 'block' };
        return this.#learn(account, (await caller.create(account, front, tasks, options)).created);
      }
      case 'feed':
        return this.#learn(
          account,
          await caller.feed(account, front, { tasks, request: caller.newRequest() }),
        );
      case 'idempotent':
        return this.#insist(random, account, front, tasks);
      case 'status':
      case 'wait':
      case 'cancel':
        await caller.statuses(owner, front, keys, {
          kind: action === 'cancel' ? 'cancel' : 'status',
          block: action === 'wait',
        });
        return;
      case 'follow':
        await caller.feed(owner, front, { keys });
        return;
      case 'file':
        return caller.file(owner, front, keys[0] as string);
    }
  }

  /** Asks until it is answered, also at both fronts at once: the tasks are to be there once. */
  async #insist(random: Random, account: Account, front: number, tasks: readonly object[]): Promise<void> {
    const { caller, fronts } = this.#options;
    const request = caller.newRequest();
    const options = { request, idempotencyKey: `insisted ${request}` };
    const atOnce = random.chance(0.5) ? [front, (front + 1) % fronts] : [front];
    for (let tries = 0; tries < REPEATS; tries++) {
      const asked = tries === 0 ? atOnce : [(front + tries) % fronts];
      const answers = await Promise.all(asked.map((at) => caller.create(account, at, tasks, options)));
      const answered = answers.find(({ status }) => status === 200);
      if (answered) this.#learn(account, answered.created);
      if (answers.some(({ status }) => status !== 0 && status !== 503)) return;
      await delay(random.integer(100, 1_000));
    }
  }

  #learn(account: Account, created: readonly { readonly key: string }[]): void {
    for (const { key } of created) this.#known.push({ key, account });
  }
}
