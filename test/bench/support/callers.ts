import { type Answer, Connection } from './connection.ts';

export interface Load {
  /** Milliseconds that each request took. */
  readonly latencies: readonly number[];
  readonly seconds: number;
}

/**
 * `count` callers, each on a connection of its own, each asking again as soon as it has its answer, until `total`
 * answers are there. An answer that is not what `ask` expects is an error: a benchmark of failures says nothing.
 */
export async function closedLoop(
  url: string,
  count: number,
  total: number,
  ask: (connection: Connection) => Promise<Answer>,
): Promise<Load> {
  const connections = await Promise.all(Array.from({ length: count }, () => Connection.open(url)));
  const latencies: number[] = [];
  let left = total;
  const startedAt = performance.now();
  const call = async (connection: Connection): Promise<void> => {
    while (left-- > 0) {
      const askedAt = performance.now();
      const { status, body } = await ask(connection);
      if (status !== 200) throw new Error(`answered ${status}: ${body.slice(0, 300)}`);
      latencies.push(performance.now() - askedAt);
    }
  };
  try {
    await Promise.all(connections.map(call));
    return { latencies, seconds: (performance.now() - startedAt) / 1_000 };
  } finally {
    for (const connection of connections) connection.close();
  }
}
