import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

const PLACES = ['/usr/lib', '/usr/local/lib'];
const LIBRARY = join('faketime', 'libfaketime.so.1');

/** libfaketime: what `LIBFAKETIME` names, or where Debian's package `libfaketime` puts it. */
export function findLibrary(): string | undefined {
  const named = process.env.LIBFAKETIME;
  if (named) return named;
  return PLACES.filter((place) => existsSync(place))
    .flatMap((place) => [place, ...readdirSync(place).map((name) => join(place, name))])
    .map((place) => join(place, LIBRARY))
    .find((path) => existsSync(path));
}

/**
 * The clocks of the fronts and workers, each of which can be made to jump. nats-server's cannot: it asks the
 * kernel without going through the library.
 */
export class Clocks {
  readonly #library: string;
  readonly #folder: string;

  private constructor(library: string, folder: string) {
    this.#library = library;
    this.#folder = folder;
  }

  static async make(library: string, root: string): Promise<Clocks> {
    const clocks = new Clocks(library, join(root, 'clocks'));
    await mkdir(clocks.#folder, { recursive: true });
    return clocks;
  }

  /** For the environment of the process. Only the time of day jumps; timers go on as they were. */
  variables(name: string): Readonly<Record<string, string>> {
    this.jump(name, 0);
    return {
      LD_PRELOAD: this.#library,
      FAKETIME_TIMESTAMP_FILE: join(this.#folder, name),
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DONT_RESET: '1',
    };
  }

  /** The clock shows the real time plus that many seconds, from within a second on. */
  jump(name: string, seconds: number): void {
    writeFileSync(join(this.#folder, name), `${seconds < 0 ? '' : '+'}${seconds}\n`);
  }
}
