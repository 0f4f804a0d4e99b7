import type { Socket } from 'node:net';
import { constants } from 'node:os';
import { Client, type Dispatcher } from 'undici';
import { LendingSocket } from './lending-socket.ts';

/**
 * One checked socket, and the HTTP client that speaks over it and over nothing else: undici is handed the
 * socket once, and when it asks for a second one, to reconnect on its own, it is refused.
 */
export class Connection {
  readonly #client: Client;
  readonly #socket: Socket;
  #hadNetworkError = false;
  #isHeld = false;
  /** True from the second request on. */
  reused = false;

  constructor(origin: string, socket: Socket, maxHeaderBytes: number) {
    this.#socket = socket;
    // What undici destroys a socket with is not the network's word; the system's errors name a call.
    socket.on('error', (error) => {
      this.#hadNetworkError ||= 'syscall' in error;
    });
    const read = socket.read.bind(socket);
    socket.read = (size) => (this.#isHeld ? null : read(size));
    let handed = false;
    this.#client = new Client(origin, {
      connect: (_options, callback) => {
        // Not in the same tick: undici would miss its own wake-up.
        if (handed) process.nextTick(callback, new Error('this connection is used up'), null);
        else process.nextTick(callback, null, socket);
        handed = true;
      },
      maxHeaderSize: maxHeaderBytes,
      pipelining: 1,
      keepAliveTimeout: 4_000,
      keepAliveMaxTimeout: 10_000,
      // The watch keeps time, because undici's own clock ticks every half second.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /**
   * Whether the other side reset the connection rather than closing it. Only of use for a body that ends with
   * its connection, which undici takes for whole in both cases.
   */
  get wasReset(): boolean {
    return this.#hadNetworkError || hasNoPeer(this.#socket);
  }

  /** Whether another request may follow. */
  get isAlive(): boolean {
    return !this.#socket.destroyed && !this.#client.destroyed;
  }

  /** Sends a GET. Neither cookies, referrer nor credentials: these are all the headers there are. */
  get(path: string, handler: Dispatcher.DispatchHandler): void {
    if (this.#socket instanceof LendingSocket) this.#socket.keepsPieces = true;
    const headers = { 'user-agent': 'Wyvern', accept: '*/*', 'accept-encoding': 'identity' };
    this.#client.dispatch({ method: 'GET', path, headers }, handler);
  }

  /** The head of the answer is there and taken in. */
  endHead(): void {
    if (this.#socket instanceof LendingSocket) this.#socket.keepsPieces = false;
  }

  /**
   * No more is read until `release`; what was read already still comes. Undici's own pause ends the process when the
   * other side closes meanwhile (its 7.x asserts that no paused parser comes to the end of a connection).
   */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#socket.emit('readable');
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  onceClosed(listener: () => void): void {
    if (this.#socket.closed) listener();
    else this.#socket.once('close', listener);
  }

  /** Closes the socket at once, whatever is under way. */
  destroy(): void {
    this.#client.destroy().catch(() => undefined);
    this.#socket.destroy();
  }
}

// A reset that comes together with the last bytes reaches Node as an ordinary end. The kernel knows better: a
// reset socket has no peer any more. `remoteAddress` is cached, hence the question to the handle itself.
function hasNoPeer(socket: Socket): boolean {
  const { _handle: handle } = socket as { readonly _handle?: { getpeername?(out: object): number } | null };
  return handle?.getpeername?.({}) === -constants.errno.ENOTCONN;
}
