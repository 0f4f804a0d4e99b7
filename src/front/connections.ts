import type { Logger } from '../logger.ts';

/** Open files that are left for all but clients: the log, checkpoints, a look at the store. */
const OTHER_FILES = 256;
/** Said at most this often that clients are turned away. */
const SAID_EVERY_MS = 60_000;

/** A connection, and the output that its client may be taking, for minutes. */
const FILES_EACH = 2;

/**
 * How many connections a front can hold: `most`, or as many as this process may open files for beside others. With none left
 * it could serve no output and keep no checkpoint, and uWebSockets.js would ask for the next connection without a pause.
 */
export function connectionBound(most: number, openFiles = openFilesLimit()): number {
  const others = Math.min(OTHER_FILES, openFiles / 2);
  return Math.min(most, Math.floor((openFiles - others) / FILES_EACH));
}

/** Node raises the limit of its process to the highest that it may have. */
function openFilesLimit(): number {
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork?: boolean };
  const wasExcluded = report.excludeNetwork;
  // Else the names of both ends of each connection are looked up, and this process stands still until that is done.
  report.excludeNetwork = true;
  const { userLimits } = report.getReport() as {
    readonly userLimits?: { readonly open_files: { readonly soft: number | 'unlimited' } };
  };
  report.excludeNetwork = wasExcluded ?? false;
  const limit = userLimits?.open_files.soft;
  return typeof limit === 'number' ? limit : Number.POSITIVE_INFINITY;
}

/** The connections of one front. Those beyond the bound are closed at once, which costs the others nothing. */
export class Connections {
  readonly #bound: number;
  readonly #logger: Logger;
  #open = 0;
  #refused = 0;
  #saidAt = Number.NEGATIVE_INFINITY;

  constructor(bound: number, logger: Logger) {
    this.#bound = bound;
    this.#logger = logger;
  }

  get open(): number {
    return this.#open;
  }

  /** Connections that were closed at once since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** Counts a connection that has been opened, with 1, or closed, with -1. */
  count(connection: { close(): unknown }, change: number): void {
    this.#open += change;
    if (change < 0 || this.#open <= this.#bound) return;
    this.#refused++;
    this.#say();
    connection.close();
  }

  #say(): void {
    if (performance.now() < this.#saidAt + SAID_EVERY_MS) return;
    this.#saidAt = performance.now();
    this.#logger.warn(
      { bound: this.#bound, refused: this.#refused },
      'as many connections as this front may hold: further ones are closed at once. MAX_CONNECTIONS and the limit of open files bound them',
    );
  }
}
