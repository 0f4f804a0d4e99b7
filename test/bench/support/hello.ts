import type { Answer, Connection } from './connection.ts';
import type { Wyvern } from './wyvern.ts';

const WYVERN_BODY = '{"tasks":{"task_name":"hello","name":"John"},"block":true}';
const BULLMQ_BODY = '{"name":"John","block":true}';

/** Creates a `hello` and waits for its end. */
export const helloOn =
  ({ head }: Wyvern) =>
  async (connection: Connection): Promise<Answer> =>
    ended(await connection.request('POST', '/v1/create', head, WYVERN_BODY));

export const helloOnBullmq = async (connection: Connection): Promise<Answer> =>
  ended(await connection.request('POST', '/create', '', BULLMQ_BODY));

function ended(answer: Answer): Answer {
  if (answer.body.includes('"result":"Hello John"')) return answer;
  throw new Error(`answered ${answer.status}: ${answer.body.slice(0, 300)}`);
}
