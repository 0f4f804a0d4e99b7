import type { Answer, Connection } from './connection.ts';
import type { Wyvern } from './wyvern.ts';

const WYVERN_BODY = '{"tasks":{"task_name":"hello","name":"John"},"block":true}';
const BULLMQ_BODY = '{"name":"John","block":true}';

/** Creates a `hello` and waits for its end. */
export const helloOn =
  ({ head }: Pick<Wyvern, 'head'>) =>
  async (connection: Connection): Promise<Answer> =>
    ended(await connection.request('POST', '/v1/create', head, WYVERN_BODY));

/** The same by several accounts, in turn. `heads` are the header lines of each. */
export function helloByAccounts(heads: readonly string[]): (connection: Connection) => Promise<Answer> {
  const asking = heads.map((head) => helloOn({ head }));
  let next = 0;
  return (connection) => (asking[next++ % asking.length] as (typeof asking)[number])(connection);
}

export const helloOnBullmq = async (connection: Connection): Promise<Answer> =>
  ended(await connection.request('POST', '/create', '', BULLMQ_BODY));

function ended(answer: Answer): Answer {
  if (answer.body.includes('"result":"Hello John"')) return answer;
  throw new Error(`answered ${answer.status}: ${answer.body.slice(0, 300)}`);
}
