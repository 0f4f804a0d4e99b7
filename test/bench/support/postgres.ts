import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chown } from 'node:fs/promises';
import { freePort } from '../../../src/free-port.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';
import { version } from './machine.ts';
import { arePeersInstalled } from './peer.ts';

/** Why pg-boss cannot be measured here; undefined if it can. */
export function pgBossIsMissing(): string | undefined {
  if (version('postgres', '--version') === undefined || version('initdb', '--version') === undefined)
    return 'pg-boss is skipped: postgres and initdb are not on the PATH (Debian: postgresql, /usr/lib/postgresql/*/bin)';
  if (!arePeersInstalled()) return 'pg-boss is skipped: the peers are not installed (npm run bench does it)';
  return undefined;
}

/** A PostgreSQL of our own on loopback. */
export class Postgres {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #folder: AsyncDisposable;

  private constructor(url: string, child: ChildProcess, folder: AsyncDisposable) {
    this.url = url;
    this.#process = child;
    this.#folder = folder;
  }

  /** `off`: an acknowledged commit is on disk within 0.6 s; `on`: before it is acknowledged. */
  static async start(synchronousCommit: 'off' | 'on'): Promise<Postgres> {
    const folder = await temporaryFolder();
    const owner = notRoot();
    if (owner) await chown(folder.path, owner.uid, owner.gid);
    execFileSync('initdb', ['-D', folder.path, '-U', 'bench', '-A', 'trust'], { stdio: 'ignore', ...owner });
    const port = await freePort();
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      synchronous_commit: synchronousCommit,
    };
    const args = ['-D', folder.path, '-p', String(port)];
    for (const [name, value] of Object.entries(settings)) args.push('-c', `${name}=${value}`);
    const child = spawn('postgres', args, { stdio: 'ignore', ...owner });
    await until(() => isReady(port), 30_000);
    return new Postgres(`postgres://bench@127.0.0.1:${port}/postgres`, child, folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    // At once, with its clients cut off, but without leaving its own processes behind.
    this.#process.kill('SIGINT');
    await ended;
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** PostgreSQL refuses to run as root. */
function notRoot(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (option: string) =>
    Number(execFileSync('id', [option, 'postgres'], { encoding: 'utf8' }).trim());
  return { uid: idOf('-u'), gid: idOf('-g') };
}

function isReady(port: number): true | undefined {
  try {
    execFileSync('pg_isready', ['-h', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
    return true;
  } catch {
    return undefined;
  }
}
