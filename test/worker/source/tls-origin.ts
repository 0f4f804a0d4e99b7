import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { expect } from 'vitest';
import type { Certificate } from './certificates.ts';
import { send } from './origin.ts';

export interface TlsOrigin extends AsyncDisposable {
  readonly port: number;
  readonly accepted: number;
  /** Their heads, as they came. */
  readonly requests: readonly string[];
  readonly serverNames: readonly unknown[];
}

/** The same for TLS: each piece that comes is taken for a request. */
export async function startTlsOrigin(
  certificate: Certificate,
  answer: (socket: TLSSocket) => void = (socket) => send(socket, '200 OK', {}, 'secret'),
  options: SecureContextOptions = {},
): Promise<TlsOrigin> {
  let accepted = 0;
  const requests: string[] = [];
  const serverNames: unknown[] = [];
  const sockets = new Set<unknown>();
  const server = createTlsServer({ ...options, ...certificate }, (socket) => {
    serverNames.push(socket.servername);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      requests.push(bytes.toString('latin1'));
      answer(socket);
    });
  });
  server.on('tlsClientError', () => undefined);
  server.on('connection', (socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted;
    },
    requests,
    serverNames,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      await expect.poll(() => sockets.size, { message: 'connections that were left open' }).toBe(0);
      await closed;
    },
  };
}
