import type { Config } from '../config.ts';
import type { Connections } from './connections.ts';
import { Exchange } from './exchange.ts';
import { askAgainIn, errorBody } from './request-error.ts';
import { listen, newServer, type Server } from './server.ts';

/**
 * Answers on the front's port as long as there is no log to answer from, and somebody has to do something about it:
 * 503 with the reason, but for `/healthz`, since the process is well.
 */
export class WaitingRoom {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Rejects with `CannotListen`. */
  static async open(
    config: Pick<Config, 'HOST' | 'PORT' | 'TLS_CERT' | 'TLS_KEY'>,
    connections: Connections,
    reason: string,
  ): Promise<WaitingRoom> {
    const server = newServer(config);
    server.filter((res, change) => connections.count(res, change as number));
    const body = errorBody([{ name: 'log', location: 'path', description: reason }]);
    server.any('/*', (res, req) => {
      const exchange = new Exchange(res, req, () => {});
      if (exchange.head.path === '/healthz') exchange.json(200, '{"status":"ok"}');
      else exchange.json(503, body, askAgainIn(5));
    });
    await listen(server, config.HOST, config.PORT);
    return new WaitingRoom(server);
  }

  /** Leaves the port to others. */
  close(): void {
    this.#server.close();
  }
}
