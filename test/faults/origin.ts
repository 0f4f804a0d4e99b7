import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';
import type { Random } from './random.ts';

const PICTURES = 32;

/**
 * Where the sources of the tasks come from. No two requests in a row get the same picture, so that two
 * attempts of a task make different outputs: that of a loser can be told from that of the winner.
 */
export class Origin {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(random: Random): Promise<Origin> {
    const pictures = await Promise.all(Array.from({ length: PICTURES }, (_, index) => paint(index)));
    let served = 0;
    const server = createServer(({ url }, response) => {
      const isUnwell = url?.startsWith('/unwell') || (url?.startsWith('/flaky') && random.chance(0.4));
      const status = isUnwell ? 503 : url?.startsWith('/missing') ? 404 : 200;
      response.writeHead(status, { 'Content-Type': 'image/jpeg' });
      response.end(status === 200 ? pictures[served++ % PICTURES] : '');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Origin(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

const paint = (index: number): Promise<Buffer> =>
  sharp({
    create: { width: 64, height: 48, channels: 3, background: { r: index * 7, g: 255 - index * 7, b: 90 } },
  })
    .jpeg()
    .toBuffer();
