import { statfs } from 'node:fs/promises';
import type { Logger } from '../logger.ts';

/** Bytes that must be free before nats-server is started anew. */
const ROOM = 64 * 1024 * 1024;
const LOOK_EVERY_MS = 2_000;

interface Parts {
  /** Where nats-server says how it is. */
  readonly healthUrl: string;
  /** Where its log lies. */
  readonly folder: string;
  readonly logger: Logger;
  readonly everyMs?: number;
  restart(): void;
}

/**
 * Brings the log back after its disk was full. A nats-server that could not write takes no more events, and
 * does not even answer to them, until it is started anew, however much room there is by then; its health says
 * so. As soon as there is room it is restarted. Meanwhile creates are answered 503, and workers keep what they
 * have to say.
 */
export class Revival {
  readonly #parts: Parts;
  readonly #looking: NodeJS.Timeout;
  #isTold = false;
  #isBusy = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#looking = setInterval(() => void this.#look(), parts.everyMs ?? LOOK_EVERY_MS);
  }

  close(): void {
    clearInterval(this.#looking);
  }

  /** One look at a time: a disk that does not answer keeps a thread waiting for each. */
  async #look(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    await this.#judge();
    this.#isBusy = false;
  }

  async #judge(): Promise<void> {
    const { logger, restart } = this.#parts;
    const reason = await this.#writeError();
    if (!reason) {
      this.#isTold = false;
      return;
    }
    if (!this.#isTold) logger.error({ reason }, 'nats-server cannot write to its disk');
    const free = await this.#freeBytes();
    this.#isTold = true;
    if (free < ROOM) return;
    logger.warn('there is room on the disk again, starting nats-server anew');
    restart();
  }

  /** A disk that does not even say has none. */
  async #freeBytes(): Promise<number> {
    const { folder, logger } = this.#parts;
    try {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    } catch (error) {
      if (!this.#isTold)
        logger.error({ err: error, folder }, 'cannot tell whether there is room on the disk');
      return 0;
    }
  }

  /** Undefined if it writes, starts, or is gone: then somebody else sees to it. */
  async #writeError(): Promise<string | undefined> {
    try {
      const health = await fetch(this.#parts.healthUrl, { signal: AbortSignal.timeout(LOOK_EVERY_MS) });
      const { error = '' } = (await health.json()) as { readonly error?: string };
      return error.includes('write error') ? error : undefined;
    } catch {
      return undefined;
    }
  }
}
