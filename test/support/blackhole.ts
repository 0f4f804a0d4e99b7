import { connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a server that can be cut without either end being told, as when a cable is pulled. */
export class Blackhole {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #isCut = false;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static start(targetPort: number): Promise<Blackhole> {
    return new Promise((resolve) => {
      const server = createServer((near) => blackhole.#join(near, targetPort));
      let blackhole: Blackhole;
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        blackhole = new Blackhole(server, typeof address === 'object' && address ? address.port : 0);
        resolve(blackhole);
      });
    });
  }

  /** From now on nothing gets through; connections stay open, and new ones lead nowhere. */
  cut(): void {
    this.#isCut = true;
  }

  /** New connections get through again. What was swallowed is lost, and the old connections stay dead. */
  mend(): void {
    this.#isCut = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const sockets of this.#pairs) for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(near: Socket, port: number): void {
    const far = connect(port, '127.0.0.1');
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    let isDead = this.#isCut;
    const carry = (from: Socket, to: Socket): void => {
      from.on('data', (bytes) => {
        isDead ||= this.#isCut;
        if (!isDead) to.write(bytes);
      });
      from.on('error', () => {});
      from.on('close', () => {
        if (!isDead) to.destroy();
      });
    };
    carry(near, far);
    carry(far, near);
  }
}
