import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from './until.ts';

/** An HTTP server that keeps who asks waiting until a test lets it answer. */
export class HeldOrigin {
  readonly #server: Server = createServer((_request, response) => void this.waiting.push(response));
  readonly waiting: ServerResponse[] = [];

  static async start(): Promise<HeldOrigin> {
    const origin = new HeldOrigin();
    await new Promise<void>((resolve) => origin.#server.listen(0, '127.0.0.1', resolve));
    return origin;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A URL that nobody has asked for yet. */
  url = (): string => `http://${this.host}/${randomUUID()}.jpg`;

  /** Resolves when that many wait. */
  waits = (count: number): Promise<unknown> => until(() => this.waiting.length >= count);

  /** Answers all who wait: with the sample picture, or other bytes. */
  async answer(bytes?: string | Uint8Array): Promise<void> {
    const body = bytes ?? (await readFile(new URL('../../ops/sample/raccoon.jpg', import.meta.url)));
    for (const response of this.waiting.splice(0)) response.end(body);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
