import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const SAMPLE = fileURLToPath(new URL('../../../ops/sample/raccoon.jpg', import.meta.url));

/** A web server on loopback with one photo under every path, so that each request can name a source of its own. */
export class PhotoOrigin {
  readonly url: string;
  readonly #close: () => Promise<void>;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.#close = close;
  }

  /** Serves the sample photo, enlarged to these many pixels, as a baseline JPEG. */
  static async start(width: number, height: number): Promise<PhotoOrigin> {
    const photo = await sharp(SAMPLE).resize(width, height, { fit: 'fill' }).jpeg({ quality: 90 }).toBuffer();
    const headers = { 'Content-Type': 'image/jpeg', 'Content-Length': photo.length };
    const server = createServer((_, response) => response.writeHead(200, headers).end(photo));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const close = () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    return new PhotoOrigin(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, close);
  }

  get host(): string {
    return new URL(this.url).host;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}
