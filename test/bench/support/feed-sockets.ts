import { connect, type Socket } from 'node:net';

/** A feed that is open, as a bare socket: thousands of them fit into one process. */
export class FeedSocket {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Sends the request and calls `onText` with what comes, header lines and chunk sizes included. */
  static open(
    url: string,
    request: string,
    onText: (text: string, socket: FeedSocket) => void,
  ): Promise<FeedSocket> {
    const { hostname, port } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port) });
      const feed = new FeedSocket(socket);
      socket.setEncoding('latin1');
      socket.once('error', reject);
      socket.on('data', (text: string) => {
        onText(text, feed);
        resolve(feed);
      });
      socket.write(request);
    });
  }

  /** Reads no more, as a client that hangs does. */
  stall(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Opens many, some at a time: a backlog of connections is not what is measured. */
export async function openAll(
  count: number,
  open: (index: number) => Promise<FeedSocket>,
): Promise<FeedSocket[]> {
  const feeds: FeedSocket[] = [];
  for (let from = 0; from < count; from += 200) {
    const part = Array.from({ length: Math.min(200, count - from) }, (_, at) => open(from + at));
    feeds.push(...(await Promise.all(part)));
  }
  return feeds;
}
