import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';

/** `open` lets everything through. `deaf` lets nothing through and says nothing. `cut` breaks every connection. */
export type Passage = 'open' | 'deaf' | 'cut';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/**
 * The network between one process and one nats-server. What is on its way while it is deaf arrives when it
 * opens again, as after a partition that TCP has outlasted.
 */
export class Wire {
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #pairs = new Set<Pair>();
  #passage: Passage = 'open';

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    this.#targetPort = targetPort;
  }

  static async start(targetPort: number): Promise<Wire> {
    const server = createServer();
    const wire = new Wire(server, targetPort);
    server.on('connection', (socket) => wire.#accept(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return wire;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  set(passage: Passage): void {
    this.#passage = passage;
    for (const pair of this.#pairs) {
      if (passage === 'cut') end(pair);
      else
        for (const socket of [pair.client, pair.server])
          passage === 'deaf' ? socket.pause() : socket.resume();
    }
  }

  close(): void {
    this.#server.close();
    for (const pair of this.#pairs) end(pair);
  }

  #accept(client: Socket): void {
    if (this.#passage === 'cut') return void client.destroy();
    const server = createConnection(this.#targetPort, '127.0.0.1');
    const pair = { client, server };
    this.#pairs.add(pair);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.setNoDelay(true);
      from.on('data', (bytes) => to.write(bytes));
      from.on('error', () => end(pair));
      // A death is not heard of either while nothing gets through.
      from.on('close', () => {
        this.#pairs.delete(pair);
        end(pair);
      });
      if (this.#passage === 'deaf') from.pause();
    }
  }
}

const end = ({ client, server }: Pair): void => {
  client.destroy();
  server.destroy();
};
