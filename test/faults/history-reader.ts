import { setTimeout as delay } from 'node:timers/promises';
import type { Account, Front } from './deployment.ts';
import { linesOf } from './lines.ts';
import type { ToldEvent } from './observations.ts';

const AGAIN_MS = 200;

interface Line {
  readonly seq?: number;
  readonly type?: string;
  readonly key?: string;
  readonly gap?: unknown;
}

/** Follows an account's history from the first event on, and goes on at another front whenever it is cut off. */
export class HistoryReader {
  readonly account: Account;
  readonly #fronts: readonly Pick<Front, 'url'>[];
  readonly #told: ToldEvent[] = [];
  #cuts = 0;

  constructor(account: Account, fronts: readonly Pick<Front, 'url'>[]) {
    this.account = account;
    this.#fronts = fronts;
  }

  get told(): readonly ToldEvent[] {
    return this.#told;
  }

  /** Resolves soon after the signal. */
  async follow(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await this.#read('&follow=true', stop).catch(() => {});
      this.#cuts++;
      await delay(AGAIN_MS);
    }
  }

  /** Reads what the log has by now; nothing may be in its way any more. */
  finish(): Promise<void> {
    return this.#read('', AbortSignal.timeout(30_000));
  }

  async #read(query: string, signal: AbortSignal): Promise<void> {
    const { url } = this.#fronts[this.#cuts % this.#fronts.length] as Pick<Front, 'url'>;
    const from = (this.#told.at(-1)?.seq ?? 0) + 1;
    const headers = { Authorization: `Secret ${this.account.secret}` };
    const response = await fetch(`${url}/v1/history_stream?from=${from}${query}`, { headers, signal });
    if (!response.ok) return void (await response.text());
    for await (const text of linesOf(response)) {
      const { seq, type, key, gap } = JSON.parse(text) as Line;
      if (gap) this.#told.push({ seq: -1, type: `a gap: ${JSON.stringify(gap)}`, key: '' });
      else if (seq !== undefined && type && key) this.#told.push({ seq, type, key });
    }
  }
}
