import type { EventLog } from '../log/log.ts';
import { foldHistory, type TaskState } from '../projection/state.ts';
import { locateOutput } from '../storage/locate-output.ts';
import type { OutputPath, Storage } from '../storage/storage.ts';
import type { Source } from '../tasks/definition.ts';
import { tooLarge } from './source/answer.ts';
import { Body } from './source/body.ts';
import { Fault } from './source/fault.ts';
import { failureOf } from './source/fetcher.ts';
import type { Kept } from './source/sink.ts';
import type { RoomPart } from './source/source-room.ts';
import { unlessAborted } from './source/unless-aborted.ts';

interface Parts {
  readonly log: EventLog;
  readonly storage: Storage;
  readonly publicUrl: string;
  /** Of one source. */
  readonly maxBytes: number;
}

/** Sources that are outputs of ours, or samples: read from storage, without the network, so that tasks chain. */
export class OwnFiles {
  readonly #parts: Parts;
  readonly #prefix: string;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#prefix = new URL(`${parts.publicUrl}/files/`).href;
  }

  readonly #stateOf = async (key: string): Promise<TaskState | undefined> =>
    foldHistory(await this.#parts.log.history(key));

  /** The URL without what does not tell one file of ours from another. */
  nameOf(url: string): string {
    const { href } = new URL(url);
    return href.startsWith(this.#prefix) ? href.replace(/[?#].*$/, '') : url;
  }

  /**
   * Copies the file into `room`; undefined for a URL that is not ours. Rejects with `TaskFailure` if there is none, and
   * with the signal's reason once that is aborted and the store has given its next piece: nobody writes to the room then.
   */
  async read(url: string, room: RoomPart, signal: AbortSignal): Promise<Source | undefined> {
    const name = this.nameOf(url);
    if (!name.startsWith(this.#prefix)) return undefined;
    try {
      const locating = locateOutput(name.slice(this.#prefix.length), this.#stateOf);
      const found = await unlessAborted(signal, locating);
      const copy = found && (await this.#copy(found.path, room, signal));
      if (copy === undefined) throw new Fault('answered 404');
      return { url, ...copy, contentType: found?.contentType };
    } catch (error) {
      // The log or the store cannot be reached, or this machine's disk is full: in the words of the fetcher.
      throw signal.aborted ? signal.reason : failureOf(error, { asked: url });
    }
  }

  /** Resolves with the copy and its size; undefined if there is no such output. */
  async #copy(
    path: OutputPath,
    room: RoomPart,
    signal: AbortSignal,
  ): Promise<(Kept & { readonly bytes: number }) | undefined> {
    const stored = await this.#parts.storage.open(path);
    if (!stored) return undefined;
    const body = new Body(room);
    try {
      if (stored.bytes > this.#parts.maxBytes) throw tooLarge(this.#parts.maxBytes);
      body.expect(stored.bytes);
      for await (const piece of stored.read()) {
        signal.throwIfAborted();
        if (!body.add(piece)) await unlessAborted(signal, body.drained());
      }
      await unlessAborted(signal, body.drained());
      return { ...(await body.finish()), bytes: stored.bytes };
    } catch (error) {
      await body.discard();
      throw error;
    } finally {
      await stored.close();
    }
  }
}
