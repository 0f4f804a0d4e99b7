import { TaskFailure } from '../../actors/failure.ts';
import type { EventLog } from '../log/log.ts';
import { foldHistory } from '../projection/state.ts';
import { locateOutput } from '../storage/locate-output.ts';
import type { OutputPath, Storage } from '../storage/storage.ts';
import type { Source } from '../tasks/definition.ts';
import { showUrl } from '../tasks/show-url.ts';
import { Body } from './source/body.ts';
import type { RoomPart } from './source/room.ts';
import type { Kept } from './source/sink.ts';

interface Parts {
  readonly log: EventLog;
  readonly storage: Storage;
  readonly publicUrl: string;
}

/** Sources that are outputs of ours, or samples: read from storage, without the network, so that tasks chain. */
export class OwnFiles {
  readonly #parts: Parts;
  readonly #prefix: string;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#prefix = new URL(`${parts.publicUrl}/files/`).href;
  }

  /** Copies the file into `room`; undefined for a URL that is not ours. Rejects with `TaskFailure` if there is none. */
  async read(url: string, room: RoomPart): Promise<Source | undefined> {
    const { href } = new URL(url);
    if (!href.startsWith(this.#prefix)) return undefined;
    const found = await locateOutput(href.slice(this.#prefix.length).replace(/[?#].*$/, ''), async (key) =>
      foldHistory(await this.#parts.log.history(key)),
    );
    const copy =
      found && (await this.#copy(found.path, room).catch((cause: unknown) => failSpooling(url, cause)));
    if (!found || copy === undefined) throw new TaskFailure(`File '${showUrl(url)}' answered 404`);
    return { url, ...copy, contentType: found.contentType };
  }

  /** Resolves with the copy and its size; undefined if there is no such output. */
  async #copy(path: OutputPath, room: RoomPart): Promise<(Kept & { readonly bytes: number }) | undefined> {
    const stored = await this.#parts.storage.open(path);
    if (!stored) return undefined;
    const body = new Body(room);
    try {
      body.expect(stored.bytes);
      for await (const piece of stored.read()) if (!body.add(piece)) await body.drained();
      return { ...(await body.finish()), bytes: stored.bytes };
    } catch (error) {
      await body.discard();
      throw error;
    } finally {
      await stored.close();
    }
  }
}

/** The store cannot be reached, or this machine's disk is full: in the words in which the fetcher says it. */
function failSpooling(url: string, cause: unknown): never {
  throw new TaskFailure(`File '${showUrl(url)}' could not be spooled`, { passing: true, cause });
}
