import type { Connection } from './connection.ts';

const MAX_IDLE_PER_ORIGIN = 8;
const MAX_IDLE = 128;

/**
 * Connections that wait for another request to the same origin (scheme, host and port).
 *
 * A connection got here through the gate, under this very origin, and a socket cannot change its peer: what a
 * name is resolved to later makes no difference to it, and no other host can come by it. Undici closes what
 * waits longer than its keep-alive time; more than the bounds is closed at once.
 */
export class ConnectionPool {
  readonly #idle = new Map<string, Connection[]>();
  #count = 0;

  /** The one that waited least; undefined when a new one is needed. It belongs to the caller from now on. */
  take(origin: string): Connection | undefined {
    const waiting = this.#idle.get(origin);
    const connection = waiting?.at(-1);
    if (connection === undefined) return undefined;
    this.#remove(origin, connection);
    if (connection.isAlive) return connection;
    connection.destroy();
    return this.take(origin);
  }

  give(origin: string, connection: Connection): void {
    const waiting = this.#idle.get(origin) ?? [];
    if (!connection.isAlive || this.#count >= MAX_IDLE || waiting.length >= MAX_IDLE_PER_ORIGIN) {
      connection.destroy();
      return;
    }
    if (!connection.reused) connection.onceClosed(() => this.#onClosed(origin, connection));
    connection.reused = true;
    waiting.push(connection);
    this.#idle.set(origin, waiting);
    this.#count += 1;
  }

  closeAll(): void {
    const all = [...this.#idle.values()].flat();
    this.#idle.clear();
    this.#count = 0;
    for (const connection of all) connection.destroy();
  }

  #onClosed(origin: string, connection: Connection): void {
    this.#remove(origin, connection);
    connection.destroy();
  }

  #remove(origin: string, connection: Connection): void {
    const waiting = this.#idle.get(origin);
    const at = waiting?.indexOf(connection) ?? -1;
    if (waiting === undefined || at === -1) return;
    waiting.splice(at, 1);
    this.#count -= 1;
    if (waiting.length === 0) this.#idle.delete(origin);
  }
}
