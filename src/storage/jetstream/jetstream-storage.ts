import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import type { Config } from '../../config.ts';
import { findStream, subjectsIn } from '../../log/jetstream/any-stream.ts';
import { isKey, newKey, timeOf } from '../../log/key.ts';
import {
  isOutputPath,
  type OutputPath,
  type OutputReader,
  type Storage,
  StorageFailure,
  type StoredFile,
} from '../storage.ts';
import {
  ensureFilesStream,
  FILES,
  fileSubject,
  PIECE_BYTES,
  parseFileSubject,
  pieceSubject,
} from './files-stream.ts';
import { JetStreamFile } from './jetstream-file.ts';

const ANSWER_TIMEOUT_MS = 3_000;
/** With the client's delays between them these last for 10 s, longer than the election of a leader. */
const TRIES = 7;
/** Pieces of one output that are under way at once. */
const WINDOW = 4;

/** What `file.…` holds instead of the bytes when these are many. */
interface Manifest {
  readonly put: string;
  readonly bytes: number;
  /** The stream sequence of each piece, in order. */
  readonly pieces: readonly number[];
}

const IS_MANIFEST = 'Wyvern-Manifest';

/**
 * Outputs in a JetStream stream of their own, for machines that share nothing else. Rejects with `StorageFailure`.
 *
 * One of up to 512 kB is one message, read by a direct get. A larger one is stored as pieces, and then as a
 * manifest with their sequences: before that nobody can see it, and a put that dies half-way leaves pieces that
 * `removeUnfinished` finds. The client's own object store would take two messages and a digest in JavaScript for
 * each output (30 MB/s where this takes 180), and its every read leaves a consumer behind for five minutes.
 */
export async function openJetStreamStorage(
  connection: NatsConnection,
  config: Pick<Config, 'MAX_FILES_BYTES' | 'REPLICAS'>,
): Promise<Storage> {
  return guarded('cannot use the stream for outputs', async () => {
    const manager = await jetstreamManager(connection, { timeout: ANSWER_TIMEOUT_MS, checkAPI: false });
    await ensureFilesStream(manager, config);
    return new JetStreamStorage(connection, manager);
  });
}

/** The same to be read only: nothing is made, nor changed about the stream; where there is none there are no outputs. */
export async function jetStreamStorageToRead(connection: NatsConnection): Promise<OutputReader> {
  return guarded('cannot read the stream of outputs', async () => {
    const manager = await jetstreamManager(connection, { timeout: ANSWER_TIMEOUT_MS, checkAPI: false });
    const place = 'STORAGE=jetstream';
    if (!(await findStream(manager, FILES))) return { place, open: async () => undefined };
    const storage = new JetStreamStorage(connection, manager);
    return { place, open: (path: OutputPath) => storage.open(path) };
  });
}

class JetStreamStorage implements Storage {
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;

  constructor(connection: NatsConnection, manager: JetStreamManager) {
    this.#client = jetstream(connection, { timeout: ANSWER_TIMEOUT_MS });
    this.#manager = manager;
  }

  async put(path: OutputPath, data: Uint8Array): Promise<void> {
    if (!isOutputPath(path)) throw new StorageFailure('refused to store under a path that is none');
    await guarded(`cannot store ${shown(path)}`, async () => {
      if (data.byteLength <= PIECE_BYTES) await this.#publishVisible(path, data);
      else await this.#putInPieces(path, data);
    });
  }

  async open(path: OutputPath): Promise<StoredFile | undefined> {
    if (!isOutputPath(path)) return undefined;
    return guarded(`cannot open ${shown(path)}`, async () => {
      const message = await this.#get({ last_by_subj: fileSubject(path) });
      if (!message) return undefined;
      const { data, time } = message;
      const manifest = asManifest(message);
      if (!manifest) return new JetStreamFile(data.length, time, async () => data);
      return new JetStreamFile(manifest.bytes, time, (index) => this.#piece(path, manifest, index));
    });
  }

  async remove(path: OutputPath): Promise<void> {
    if (!isOutputPath(path)) return;
    await guarded(`cannot remove ${shown(path)}`, async () => {
      // First what makes it seen.
      await this.#purge(fileSubject(path));
      await this.#purge(pieceSubject(path, '*'));
    });
  }

  async list(shard: string): Promise<OutputPath[]> {
    return guarded(`cannot list the outputs of ${shard}`, async () => {
      const subjects = await this.#subjects(`file.${shard}.>`);
      return subjects.flatMap((subject) => parseFileSubject(subject)?.path ?? []);
    });
  }

  async removeUnfinished(shard: string, before: Date): Promise<number> {
    return guarded(`cannot clear what is unfinished of ${shard}`, async () => {
      let removed = 0;
      for (const subject of await this.#subjects(`piece.${shard}.>`)) {
        const piece = parseFileSubject(subject);
        if (!piece || !isKey(piece.put) || timeOf(piece.put) >= before.getTime()) continue;
        const message = await this.#get({ last_by_subj: fileSubject(piece.path) });
        if (message && asManifest(message)?.put === piece.put) continue;
        await this.#purge(subject);
        removed += 1;
      }
      return removed;
    });
  }

  async #putInPieces(path: OutputPath, data: Uint8Array): Promise<void> {
    const put = newKey();
    const pieces: number[] = [];
    try {
      const count = Math.ceil(data.byteLength / PIECE_BYTES);
      for (let first = 0; first < count; first += WINDOW) {
        const window = Array.from({ length: Math.min(WINDOW, count - first) }, (_, index) => {
          const at = (first + index) * PIECE_BYTES;
          return this.#publish(pieceSubject(path, put), data.subarray(at, at + PIECE_BYTES));
        });
        pieces.push(...(await all(window)));
      }
      const manifest: Manifest = { put, bytes: data.byteLength, pieces };
      await this.#publishVisible(path, Buffer.from(JSON.stringify(manifest)), true);
    } catch (error) {
      // What this cannot reach, `removeUnfinished` will.
      await this.#purge(pieceSubject(path, put)).catch(() => undefined);
      throw error;
    }
  }

  #publishVisible(path: OutputPath, data: Uint8Array, isManifest = false): Promise<number> {
    const head = headers();
    head.set('Nats-Rollup', 'sub');
    if (isManifest) head.set(IS_MANIFEST, '1');
    return this.#publish(fileSubject(path), data, head);
  }

  async #publish(subject: string, data: Uint8Array, head: MsgHdrs = headers()): Promise<number> {
    const ack = await this.#client.publish(subject, data, { headers: head, retries: TRIES });
    return ack.seq;
  }

  async #piece(path: OutputPath, { pieces }: Manifest, index: number): Promise<Uint8Array> {
    return guarded(`cannot read ${shown(path)}`, async () => {
      const message = await this.#get({ seq: pieces[index] as number });
      if (message) return message.data;
      throw new Error('the output is no longer whole: it was removed, or another took its place');
    });
  }

  /** A direct get may be answered by a replica that is behind, so what it does not have the leader is asked for. */
  async #get(
    query: { readonly last_by_subj: string } | { readonly seq: number },
  ): Promise<Found | undefined> {
    const message =
      (await this.#manager.direct.getMessage(FILES, query)) ??
      (await this.#manager.streams.getMessage(FILES, query));
    return message ? { data: message.data, head: message.header, time: message.time } : undefined;
  }

  #subjects(filter: string): Promise<string[]> {
    return subjectsIn(this.#manager, FILES, filter);
  }

  async #purge(filter: string): Promise<void> {
    await this.#manager.streams.purge(FILES, { filter });
  }
}

/** As `Promise.all`, but it waits for the rest too: what is still under way would escape the cleaning up. */
async function all<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

interface Found {
  readonly data: Uint8Array;
  readonly head: MsgHdrs | undefined;
  readonly time: Date;
}

const asManifest = ({ data, head }: Found): Manifest | undefined =>
  head?.has(IS_MANIFEST) ? (JSON.parse(Buffer.from(data).toString()) as Manifest) : undefined;

const shown = ({ key, attempt, file }: OutputPath): string => `${key}.${attempt}.${file}`;

async function guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StorageFailure(`${what} (${reason})`, { cause });
  }
}
