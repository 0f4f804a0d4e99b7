import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { TaskFailure } from '../../actors/failure.ts';
import { isKey } from '../log/key.ts';
import type { EventLog } from '../log/log.ts';
import { foldHistory } from '../projection/state.ts';
import { sampleType } from '../storage/sample.ts';
import { isOutputPath, type OutputPath, type Storage } from '../storage/storage.ts';
import type { Source } from '../tasks/definition.ts';
import { showUrl } from '../tasks/show-url.ts';

interface Parts {
  readonly log: EventLog;
  readonly storage: Storage;
  readonly publicUrl: string;
}

interface Located {
  readonly path: OutputPath;
  readonly contentType: string | undefined;
}

/** Sources that are outputs of ours, or samples: read from storage, without the network, so that tasks chain. */
export class OwnFiles {
  readonly #parts: Parts;
  readonly #prefix: string;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#prefix = new URL(`${parts.publicUrl}/files/`).href;
  }

  /** Copies the file into `folder`, which is made; undefined for a URL that is not ours. Rejects with `TaskFailure` if there is none. */
  async read(url: string, folder: string): Promise<Source | undefined> {
    const { href } = new URL(url);
    if (!href.startsWith(this.#prefix)) return undefined;
    const found = await this.#locate(href.slice(this.#prefix.length).replace(/[?#].*$/, ''));
    const spooled = join(folder, 'source');
    const bytes =
      found && (await this.#spool(found.path, spooled).catch((cause: unknown) => failSpooling(url, cause)));
    if (!found || bytes === undefined) throw new TaskFailure(`File '${showUrl(url)}' answered 404`);
    return { url, path: spooled, bytes, contentType: found.contentType };
  }

  /** Resolves with the size; undefined if there is no such output. */
  async #spool(path: OutputPath, to: string): Promise<number | undefined> {
    const stored = await this.#parts.storage.open(path);
    if (!stored) return undefined;
    try {
      await mkdir(dirname(to), { recursive: true });
      await pipeline(stored.read(), createWriteStream(to, { flags: 'wx' }));
    } finally {
      await stored.close();
    }
    return stored.bytes;
  }

  async #locate(rest: string): Promise<Located | undefined> {
    const [key = '', file = '', ...more] = rest.split('/');
    if (more.length > 0) return undefined;
    if (key === 'sample') {
      const path = { key, attempt: 0, file };
      return isOutputPath(path) ? { path, contentType: sampleType(file) } : undefined;
    }
    const state = isKey(key) ? foldHistory(await this.#parts.log.history(key)) : undefined;
    const output = state?.outputs.find((candidate) => candidate.file === file);
    return output && { path: { key, attempt: output.attempt, file }, contentType: output.content_type };
  }
}

/** The store cannot be reached, or this machine's disk is full: in the words in which the fetcher says it. */
function failSpooling(url: string, cause: unknown): never {
  throw new TaskFailure(`File '${showUrl(url)}' could not be spooled`, { passing: true, cause });
}
