import { createHash } from 'node:crypto';
import type { Account, Front } from './deployment.ts';
import { linesOf } from './lines.ts';
import { type Observation, type SeenFeed, type SeenStatus, statusesIn } from './observations.ts';

/** After that a client goes away. A front that stands still for longer has lost it. */
const PATIENCE_MS = 30_000;
const FEED_PATIENCE_MS = 60_000;

type Fronts = readonly Pick<Front, 'url'>[];

export interface CreateOptions {
  readonly request: number;
  readonly block?: boolean;
  readonly idempotencyKey?: string;
}

/** Asks the fronts, and writes down what it asked and what it was told. */
export class Caller {
  readonly #fronts: Fronts;
  readonly #now: () => number;
  readonly #seen: Observation[] = [];
  #calls = 0;

  constructor(fronts: Fronts, now: () => number) {
    this.#fronts = fronts;
    this.#now = now;
  }

  get seen(): readonly Observation[] {
    return this.#seen;
  }

  /** A number that no other request has, for `create`. */
  newRequest(): number {
    return ++this.#calls;
  }

  /** Resolves with the HTTP status, 0 if there was no answer, and what was created. */
  async create(
    account: Account,
    front: number,
    tasks: readonly object[],
    { request, block = false, idempotencyKey }: CreateOptions,
  ): Promise<{ readonly status: number; readonly created: readonly SeenStatus[] }> {
    const call = this.#call(account, front);
    const headers = idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey };
    const body = { tasks: tagged(tasks, request), block };
    const answer = await this.#ask(account, front, '/v1/create', body, headers);
    this.#seen.push({ ...call, kind: 'create', request, tasks, block, idempotencyKey, answer });
    return { status: answer?.status ?? 0, created: answer?.status === 200 ? statusesIn(answer.body) : [] };
  }

  async statuses(
    account: Account,
    front: number,
    keys: readonly string[],
    options: { readonly kind?: 'status' | 'cancel'; readonly block?: boolean } = {},
  ): Promise<readonly SeenStatus[]> {
    const { kind = 'status', block = false } = options;
    const call = this.#call(account, front);
    const answer = await this.#ask(account, front, `/v1/${kind}`, { tasks: keys, block });
    this.#seen.push({ ...call, kind, keys, block, answer });
    return answer?.status === 200 ? statusesIn(answer.body) : [];
  }

  /** Creates tasks, or takes keys of tasks that are there, and follows them. Resolves with what was listed first. */
  async feed(
    account: Account,
    front: number,
    what:
      | { readonly tasks: readonly object[]; readonly request: number }
      | { readonly keys: readonly string[] },
  ): Promise<readonly SeenStatus[]> {
    const call = this.#call(account, front);
    const isCreate = 'tasks' in what;
    const path = isCreate ? '/v1/create_stream' : '/v1/status_stream';
    const body = isCreate ? { tasks: tagged(what.tasks, what.request) } : { tasks: what.keys };
    const lines: { at: number; value: unknown }[] = [];
    let closed: SeenFeed['closed'] = 'cut';
    let status: number | undefined;
    try {
      const response = await this.#post(account, front, path, body, FEED_PATIENCE_MS);
      status = response.status;
      for await (const line of linesOf(response)) lines.push({ at: this.#now(), value: JSON.parse(line) });
      closed = 'ended';
    } catch (error) {
      if ((error as Error).name === 'TimeoutError') closed = 'left';
    }
    const first = lines[0];
    const answer =
      status === undefined ? undefined : { at: first?.at ?? this.#now(), status, body: first?.value };
    if (isCreate) {
      const { tasks, request } = what;
      const told = first || status !== 200 ? answer : undefined;
      this.#seen.push({
        ...{ ...call, kind: 'create', request, tasks, block: false },
        ...{ idempotencyKey: undefined, answer: told },
      });
    }
    this.#seen.push({ ...call, kind: 'feed', answer, lines, closed, closedAt: this.#now() });
    const created = first && status === 200 ? statusesIn(first.value) : [];
    return created;
  }

  /** Follows the key to its file, at the same front. */
  async file(account: Account, front: number, key: string): Promise<void> {
    const call = this.#call(account, front);
    let status: number | undefined;
    let sha256: string | undefined;
    try {
      const { url } = this.#fronts[front] as Fronts[number];
      const signal = AbortSignal.timeout(PATIENCE_MS);
      const redirect = await fetch(`${url}/v1/file?task=${key}`, { redirect: 'manual', signal });
      const location = redirect.headers.get('location');
      status = redirect.status;
      if (location) {
        const response = await fetch(url + new URL(location).pathname, { signal });
        status = response.status;
        const bytes = Buffer.from(await response.arrayBuffer());
        if (status === 200) sha256 = createHash('sha256').update(bytes).digest('hex');
      }
    } catch {
      status = undefined;
    }
    const answer = status === undefined ? undefined : { at: this.#now(), status, body: undefined };
    this.#seen.push({ ...call, kind: 'file', key, sha256, answer });
  }

  #call({ name }: Account, front: number) {
    return { call: ++this.#calls, front, account: name, askedAt: this.#now() };
  }

  async #ask(
    account: Account,
    front: number,
    path: string,
    body: object,
    headers: Readonly<Record<string, string>> = {},
  ) {
    try {
      const response = await this.#post(account, front, path, body, PATIENCE_MS, headers);
      const text = await response.text();
      return { at: this.#now(), status: response.status, body: JSON.parse(text) as unknown };
    } catch {
      return undefined;
    }
  }

  #post(
    { secret }: Account,
    front: number,
    path: string,
    body: object,
    patienceMs: number,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    return fetch((this.#fronts[front] as Fronts[number]).url + path, {
      method: 'POST',
      headers: { Authorization: `Secret ${secret}`, ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(patienceMs),
    });
  }
}

/** Each task says in the log which request it came with. */
const tagged = (tasks: readonly object[], request: number): object[] =>
  tasks.map((task, index) => ({ ...task, task_metas: { request, index } }));
