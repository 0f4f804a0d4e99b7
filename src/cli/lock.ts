import { createHash } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CannotStart } from './terminal.ts';

/** Bytes of the longest path that a socket may have on every system that we know. */
const MAX_SOCKET_PATH = 100;

/**
 * Makes this process the only supervisor of the folder, until it ends, however it ends: the operating system
 * closes the socket that stands for it. (A file with a process number would outlive a kill -9, and in a
 * container the number would even be alive again.) Throws `CannotStart` if there is another one.
 *
 * The socket has a name in the folder, which other network namespaces see as well. What a kill -9 leaves of it is
 * removed, and of several that do so at the same time each could remove the next one's: so on Linux they first take
 * a socket without a file, of which the system itself lets only one be.
 */
export async function lockFolder(folder: string): Promise<Server[]> {
  const locks: Server[] = [];
  if (process.platform === 'linux') {
    const { dev, ino } = await stat(folder, { bigint: true });
    const lock = await listen(`\0wyvern:${dev}:${ino}`);
    if (!lock) throw inUse(folder);
    locks.push(lock);
  }
  return [...locks, await lockByFile(folder)];
}

async function lockByFile(folder: string): Promise<Server> {
  const own = join(folder, 'supervisor.sock');
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 24);
  const path = Buffer.byteLength(own) <= MAX_SOCKET_PATH ? own : join(tmpdir(), `wyvern-${hash}.sock`);
  const first = await listen(path);
  if (first) return first;
  if (await isAnswered(path)) throw inUse(folder);
  await rm(path, { force: true });
  const second = await listen(path);
  if (second) return second;
  throw inUse(folder);
}

/** Another process has the folder. */
export class FolderInUse extends CannotStart {}

const inUse = (folder: string): FolderInUse =>
  new FolderInUse(
    `Wyvern is already running on the data folder ${folder}; stop it, or set DATA_DIR to another folder`,
  );

const listen = (path: string): Promise<Server | undefined> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.end());
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(path, () => resolve(server.unref()));
  });

const isAnswered = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
