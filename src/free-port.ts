import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the ports that the system itself hands out: 32768-60999 on Linux, from 49152 on elsewhere. */
const LOWEST = 10_240;
const HIGHEST = 32_767;
const MAX_TRIES = 100;

/** What this process has asked for: each is meant for somebody who may not have opened it yet. */
const asked = new Set<number>();

/**
 * A port that is free, likely to stay so until it is used, and none that this process has asked for before.
 *
 * Not one that the system chooses for port 0: such a port is also handed to whoever connects or listens next,
 * so it can be gone before the process that it was found for has opened it.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let tries = 1; ; tries++) {
    const port = randomInt(LOWEST, HIGHEST + 1);
    if (asked.has(port) && tries < MAX_TRIES) continue;
    try {
      await probePort(host, port);
      return port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || tries === MAX_TRIES) throw error;
    }
  }
}

/** Resolves if the port can be listened on just now; rejects with the system's error. */
export const probePort = (host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    asked.add(port);
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
