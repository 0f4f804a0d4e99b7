import { type AddressInfo, createServer, type Socket } from 'node:net';
import { until } from '../../support/until.ts';

/** Gets one request's head at a time; what it writes to the socket is the answer, byte for byte. */
export type Answer = (socket: Socket, request: string, origin: Origin) => void;

export interface Origin extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** Heads of all requests, in the order they came. */
  readonly requests: readonly string[];
  /** Connections ever accepted, whether a request came or not. */
  readonly accepted: number;
  readonly open: number;
}

/** A server on loopback that speaks whatever bytes a test wants. Its end fails the test if a client stayed connected. */
export async function startOrigin(answer: Answer, host = '127.0.0.1', port = 0): Promise<Origin> {
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  let accepted = 0;
  const server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const request = text.slice(0, end);
        text = text.slice(end + 4);
        requests.push(request);
        answer(socket, request, origin);
      }
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  const origin: Origin = {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    requests,
    get accepted() {
      return accepted;
    },
    get open() {
      return sockets.size;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      await until(() => sockets.size === 0).catch(() => {
        throw new Error(`${sockets.size} connections were left open`);
      });
      await closed;
    },
  };
  return origin;
}

/** Sends a head and a body; a `content-length` is added unless the head brings its own framing. */
export function send(
  socket: Socket,
  status: string,
  headers: Readonly<Record<string, string>>,
  body = '',
): void {
  const framed = Object.keys(headers).some((name) => /^(content-length|transfer-encoding)$/i.test(name));
  const all = framed ? headers : { ...headers, 'content-length': `${body.length}` };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${status}\r\n${lines.join('')}\r\n${body}`, 'latin1');
}

/** Path and query of a request's head. */
export const pathOf = (request: string): string => request.split(' ')[1] ?? '';
