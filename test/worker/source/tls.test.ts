import type { AddressInfo } from 'node:net';
import { type connect, createServer } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { type Certificate, makeCertificate } from './certificates.ts';
import { startFetching } from './fetching.ts';
import { startTlsOrigin } from './tls-origin.ts';

const HOST = 'a.example';
const issuer = makeCertificate({ names: ['Wyvern test issuer'] });
const good = makeCertificate({ names: [HOST, '127.0.0.1'], issuer });

const namesake = makeCertificate({ names: ['Wyvern test issuer'] });
const withChain = (certificate: Certificate, above: Certificate): Certificate => ({
  ...certificate,
  cert: certificate.cert + above.cert,
});

const trusting = () => startFetching({ ca: issuer.cert, resolver: async () => ['127.0.0.1'] });

describe('an https source', () => {
  it('is fetched by name, over one connection', async () => {
    await using origin = await startTlsOrigin(good);
    await using fetching = await trusting();
    expect(await fetching.text(`https://${HOST}:${origin.port}/`)).toBe('secret');
    expect(await fetching.text(`https://${HOST}:${origin.port}/`)).toBe('secret');
    expect(origin.accepted).toBe(1);
    expect(origin.serverNames).toEqual([HOST]);
  });

  it('is fetched by address, which is no server name', async () => {
    await using origin = await startTlsOrigin(good);
    await using fetching = await trusting();
    expect(await fetching.text(`https://127.0.0.1:${origin.port}/`)).toBe('secret');
    expect(origin.serverNames).toEqual([false]);
  });

  it('is fetched by a name with a dot at its end', async () => {
    await using origin = await startTlsOrigin(good);
    await using fetching = await trusting();
    expect(await fetching.text(`https://${HOST}.:${origin.port}/`)).toBe('secret');
  });

  it.each([
    ['self-signed', makeCertificate({ names: [HOST] })],
    [
      'of an unknown issuer',
      makeCertificate({ names: [HOST], issuer: makeCertificate({ names: ['Nobody'] }) }),
    ],
    [
      'expired',
      makeCertificate({ names: [HOST], issuer, from: new Date('2020-01-01'), until: new Date('2021-01-01') }),
    ],
    [
      'not yet valid',
      makeCertificate({ names: [HOST], issuer, from: new Date('2120-01-01'), until: new Date('2121-01-01') }),
    ],
    ['for another name', makeCertificate({ names: ['b.example', '127.0.0.1'], issuer })],
    ['for another purpose', makeCertificate({ names: [HOST], issuer, purpose: 'client' })],
    ['not signed by its issuer', makeCertificate({ names: [HOST], issuer: namesake })],
    // OpenSSL says the same of an issuer that is none.
    ['for another purpose', withChain(makeCertificate({ names: [HOST], issuer: good }), good)],
  ])('is refused when its certificate is %s, before anything is asked', async (what, certificate) => {
    await using origin = await startTlsOrigin(certificate);
    await using fetching = await trusting();
    const url = `https://${HOST}:${origin.port}/`;
    expect(await fetching.failure(url)).toBe(`File '${url}' has a certificate that is ${what}`);
    expect(origin.requests).toHaveLength(0);
  });

  it('is refused with the runtime’s own list of issuers', async () => {
    await using origin = await startTlsOrigin(good);
    await using fetching = await startFetching({ resolver: async () => ['127.0.0.1'] });
    expect(await fetching.failure(`https://${HOST}:${origin.port}/`)).toContain(
      'has a certificate that is of an unknown issuer',
    );
  });

  it('is refused when it speaks a TLS of the last century', async () => {
    await using origin = await startTlsOrigin(good, undefined, {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'ALL:@SECLEVEL=0',
    });
    await using fetching = await trusting();
    expect(await fetching.failure(`https://${HOST}:${origin.port}/`)).toContain(
      'does not speak TLS as it should',
    );
  });

  it('is refused when it does not speak TLS at all', async () => {
    const server = createServer(
      (socket) =>
        void socket
          .on('error', () => undefined)
          .resume()
          .end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await using fetching = await trusting();
    const url = `https://${HOST}:${(server.address() as AddressInfo).port}/`;
    expect(await fetching.failure(url)).toBe(`File '${url}' does not speak TLS as it should`);
    await new Promise((resolve) => server.close(resolve));
  });

  it('may fail to shake hands for a reason that passes', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.resetAndDestroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await using fetching = await trusting();
    const url = `https://${HOST}:${(server.address() as AddressInfo).port}/`;
    expect(await fetching.failure(url)).toBe(
      `(passing) File '${url}' could not be reached: connection reset`,
    );
    await new Promise((resolve) => server.close(resolve));
  });

  it('is waited for no longer than the deadline for connecting when the handshake stalls', async () => {
    const server = createServer((socket) => void socket.on('error', () => undefined).resume());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await using fetching = await startFetching({ limits: { connectMs: 80 } });
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expect(await fetching.failure(url)).toBe(`(passing) File '${url}' could not be reached within 0.08 s`);
    await new Promise((resolve) => server.close(resolve));
  });

  it('is cut off by a reset, even where the end of the connection is the end of the body', async () => {
    await using origin = await startTlsOrigin(good, (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhalf of it', () => resetBelow(socket));
    });
    await using fetching = await trusting();
    expect(await fetching.failure(`https://${HOST}:${origin.port}/`)).toMatch(/was cut off after \d+ bytes/);
  });
});

// A TLS socket says goodbye before it closes; what is wanted is the cable being cut.
function resetBelow(socket: TLSSocket): void {
  const { _parent: below } = socket as unknown as { readonly _parent?: ReturnType<typeof connect> };
  if (below === undefined) socket.destroy();
  else below.resetAndDestroy();
}
