import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

const PLATFORMS = ['linux', 'darwin', 'freebsd'];
const ARCHITECTURES = ['amd64', 'arm64', 'arm7', '386', 'ppc64le', 's390x'];

export interface ReleaseServer extends AsyncDisposable {
  /** What NATS_RELEASES has to be for this server. */
  readonly base: string;
}

/**
 * Serves releases on loopback, whichever version is asked for: for every platform the same archive, with
 * this script as its nats-server, and the archive's checksum (or another).
 */
export async function serveRelease(options: { script: string; sum?: string }): Promise<ReleaseServer> {
  const archive = gzipSync(tarOf('nats-server-release/nats-server', `#!/bin/sh\n${options.script}\n`));
  const sum = options.sum ?? createHash('sha256').update(archive).digest('hex');
  const server = createServer(({ url }, response) => {
    const [, version, file] = /^\/(v[^/]+)\/([^/]+)$/.exec(url ?? '') ?? [];
    if (file === 'SHA256SUMS') response.end(sumsOf(version ?? '', sum));
    else if (file?.endsWith('.tar.gz')) response.end(archive);
    else response.writeHead(404).end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const sumsOf = (version: string, sum: string): string =>
  PLATFORMS.flatMap((platform) =>
    ARCHITECTURES.map(
      (architecture) => `${sum}  nats-server-${version}-${platform}-${architecture}.tar.gz\n`,
    ),
  ).join('');

/** A tar archive as the releases have it: some file that is not wanted, then the program. */
function tarOf(path: string, content: string): Buffer {
  return Buffer.concat([member('README.md', 'read me'), member(path, content), Buffer.alloc(1_024)]);
}

function member(path: string, content: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(path, 0);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('0', 156);
  header.write('ustar', 257);
  const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  body.write(content);
  return Buffer.concat([header, body]);
}
