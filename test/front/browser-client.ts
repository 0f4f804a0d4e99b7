import { setTimeout as delay } from 'node:timers/promises';
import type { Status } from './support.ts';

interface Call {
  readonly path: string;
  readonly keys: readonly string[];
}

/**
 * A client as web pages have it: a key of its own in the body, no header that would need a preflight, only 200
 * counts, and polling with all keys until every task has ended.
 */
export class BrowserClient {
  readonly #url: string;
  readonly #apiKey: string;
  readonly #page: string;
  readonly #metas: object;
  /** What it has sent, for the test to look at. */
  readonly calls: Call[] = [];

  constructor(options: { url: string; apiKey: string; page: string; metas: object }) {
    this.#url = options.url;
    this.#apiKey = options.apiKey;
    this.#page = options.page;
    this.#metas = options.metas;
  }

  /** Creates tasks and resolves with their final statuses, in the order of the definitions. */
  async run(definitions: readonly object[]): Promise<Status[]> {
    const tasks = definitions.map((definition) => ({ ...definition, task_metas: this.#metas }));
    let statuses = await this.#post('create', { tasks });
    if (statuses.length !== tasks.length) throw new Error('the answer has another length than the request');
    const keys = statuses.map(({ key }) => key);
    while (statuses.some(({ status }) => status === 'queued' || status === 'executing')) {
      await delay(50);
      statuses = await this.#post('status', { tasks: keys });
      if (statuses.some(({ key }, index) => key !== keys[index])) throw new Error('the order has changed');
    }
    return statuses;
  }

  async #post(method: string, parameters: { tasks: readonly (object | string)[] }): Promise<Status[]> {
    const path = `/v1/${method}`;
    this.calls.push({ path, keys: parameters.tasks.map(String) });
    const response = await fetch(this.#url + path, {
      method: 'POST',
      // What a browser adds by itself to a text body: a type that needs no preflight, and where the page stands.
      headers: {
        'Content-Type': 'text/plain;charset=UTF-8',
        Origin: this.#page,
        Referer: `${this.#page}/app`,
      },
      body: JSON.stringify({ ...parameters, api_key: this.#apiKey }),
    });
    if (response.status !== 200) throw new Error(`${path} answered ${response.status}`);
    if (response.headers.get('access-control-allow-origin') !== '*')
      throw new Error(`a browser would not show the answer of ${path} to the page`);
    return (await response.json()) as Status[];
  }
}
