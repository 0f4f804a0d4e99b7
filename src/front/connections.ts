import type { Logger } from '../logger.ts';
import { tryLater } from './request-error.ts';

/** Open files that are left for all but connections and outputs: the log, checkpoints, a look at the store. */
const OTHER_FILES = 128;
/** Those that only outputs may use besides, so that there is one for whoever is connected. */
const OUTPUT_FILES = 128;
/** Said at most this often that clients are turned away. */
const SAID_EVERY_MS = 60_000;

/** Node raises the limit of its process to the highest that it may have. */
export function openFilesLimit(): number {
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

/**
 * The connections of one front, and the outputs that clients are taking, each of which is an open file. Connections beyond
 * the bound are closed at once, which costs the others nothing. With no file left a front could serve no output and keep no
 * checkpoint, and uWebSockets.js would ask for the next connection without a pause.
 */
export class Connections {
  readonly #most: number;
  /** Files for connections and outputs together, and those of them that are not for outputs alone. */
  readonly #files: number;
  readonly #sharedFiles: number;
  readonly #logger: Logger;
  #open = 0;
  #outputs = 0;
  #refused = 0;
  #saidAt = Number.NEGATIVE_INFINITY;

  /** `most` connections, and as many as go into `openFiles` with all else. */
  constructor(most: number, openFiles: number, logger: Logger) {
    this.#most = most;
    this.#files = Math.max(openFiles / 2, openFiles - OTHER_FILES);
    this.#sharedFiles = Math.max(this.#files / 2, this.#files - OUTPUT_FILES);
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
    const files = this.#open + this.#outputs;
    if (change < 0 || (this.#open <= this.#most && files <= this.#sharedFiles)) return;
    this.#refused++;
    this.#say();
    connection.close();
  }

  /** Counts an output that a client is taking; gives what counts it no more. Throws a 503 `RequestError` if it is one too many. */
  takeOutput(): () => void {
    if (this.#open + this.#outputs >= this.#files)
      throw tryLater('path', 'path', 'too many outputs are being taken, try again later');
    this.#outputs++;
    return () => {
      this.#outputs--;
    };
  }

  #say(): void {
    if (performance.now() < this.#saidAt + SAID_EVERY_MS) return;
    this.#saidAt = performance.now();
    this.#logger.warn(
      { open: this.#open, outputs: this.#outputs, refused: this.#refused },
      'as many connections as this front may hold: further ones are closed at once. MAX_CONNECTIONS and the limit of open files bound them',
    );
  }
}
