import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

const CHECK_EVERY_MS = 1_000;
// An editor truncates, writes and renames in several steps; half a file would be refused for nothing.
const SETTLE_MS = 100;

/**
 * Calls `changed` soon after a file changed, appeared, went away or was replaced, and sometimes when it did not.
 * Keeps no process alive.
 *
 * The folder is watched rather than the file, because an editor that replaces the file leaves a watch on the old
 * one. A look at the file every second finds what no watch reports: network file systems, a symlink somewhere on
 * the way, a folder that was itself replaced. The watch in turn finds what a look cannot tell: a rewrite of the
 * same length within one tick of the file system's clock.
 */
export class FileWatch {
  readonly #path: string;
  readonly #changed: () => void;
  readonly #clock: NodeJS.Timeout;
  readonly #watcher: FSWatcher | undefined;
  #settling: NodeJS.Timeout | undefined;
  #seen: string;
  #closed = false;

  private constructor(path: string, seen: string, changed: () => void) {
    this.#path = path;
    this.#seen = seen;
    this.#changed = changed;
    this.#watcher = this.#watchFolder();
    this.#clock = setInterval(() => void this.#look(), CHECK_EVERY_MS).unref();
  }

  /** Changes count from before this resolves. */
  static async start(path: string, changed: () => void): Promise<FileWatch> {
    return new FileWatch(path, await fingerprint(path), changed);
  }

  /** Takes what the next look finds, within a second, for a change. */
  lookAgain(): void {
    this.#seen = '';
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#clock);
    clearTimeout(this.#settling);
    this.#watcher?.close();
  }

  #watchFolder(): FSWatcher | undefined {
    try {
      const watcher = watch(dirname(this.#path), { persistent: false });
      watcher.on('change', (_, name) => {
        if (name === null || name.toString() === basename(this.#path)) this.#settle();
      });
      watcher.on('error', () => watcher.close());
      return watcher;
    } catch {
      // No watches left, or a file system that has none: the look every second is enough.
      return undefined;
    }
  }

  async #look(): Promise<void> {
    const now = await fingerprint(this.#path);
    if (now === this.#seen) return;
    this.#seen = now;
    this.#settle();
  }

  #settle(): void {
    if (this.#closed) return;
    clearTimeout(this.#settling);
    this.#settling = setTimeout(this.#changed, SETTLE_MS).unref();
  }
}

async function fingerprint(path: string): Promise<string> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  return stats === undefined
    ? 'none'
    : [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':');
}
