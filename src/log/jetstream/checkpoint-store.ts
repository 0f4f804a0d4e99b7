import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import {
  DiscardPolicy,
  JetStreamApiCodes,
  type JetStreamClient,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import { nanos, nuid } from '@nats-io/transport-node';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Logger } from '../../logger.ts';
import type { CheckpointHead, CheckpointStore, StoredCheckpoint } from '../checkpoint-store.ts';
import { hasCode, orNothing, provideStream, subjectsIn } from './any-stream.ts';
import { STREAM } from './stream.ts';

export const CHECKPOINTS = 'CHECKPOINTS';
export const MANIFEST = 'checkpoint.manifest';
const pieceSubject = (id: string, index: number): string => `checkpoint.piece.${id}.${index}`;

/** What a piece gathers before it is stored: with one more line, as long as an event can be, it fits a message. */
const PIECE_BYTES = 384 * 1024;
const MAX_BYTES = 256_000_000;
const PIECES_AT_ONCE = 8;
/** Another front may put a newer one in its place, and remove its pieces, while they are read. */
const TRIES = 3;

/** Says that a checkpoint is there: stored last, so one without it has never been whole. */
const Manifest = Type.Object({
  id: Type.String({ minLength: 1 }),
  seq: Type.Integer({ minimum: 1 }),
  format: Type.String(),
  pieces: Type.Integer({ minimum: 0 }),
  lines: Type.Integer({ minimum: 0 }),
  /** When the log was made, and when its event `seq` was stored: another log does not share that. */
  log: Type.Object({ madeAt: Type.String(), storedAt: Type.String() }),
});
type Manifest = Static<typeof Manifest>;
const checkManifest = Compile(Manifest);

const zip = promisify(gzip);
const unzip = promisify(gunzip);

/**
 * Checkpoints in a stream beside the log: compressed pieces under an id of their own, then the manifest that
 * names them. It is stored only in the place of the one that its writer knew, so of several fronts that write
 * at once one comes through; that one removes all pieces that were stored before its own, also those of
 * writers that died. One that fails removes all pieces but those of the manifest that is there: there is room for a few only.
 */
export class JetStreamCheckpointStore implements CheckpointStore {
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #replicas: number;
  readonly #logger: Logger;

  constructor(client: JetStreamClient, manager: JetStreamManager, replicas: number, logger: Logger) {
    this.#client = client;
    this.#manager = manager;
    this.#replicas = replicas;
    this.#logger = logger;
  }

  async newest(): Promise<CheckpointHead | undefined> {
    return (await this.#find()).manifest;
  }

  async load(): Promise<StoredCheckpoint | undefined> {
    for (let tries = 1; tries <= TRIES; tries++) {
      const { manifest } = await this.#find();
      if (!manifest) return undefined;
      const { seq, format } = manifest;
      try {
        return { seq, format, lines: await this.#readLines(manifest) };
      } catch (error) {
        this.#logger.warn({ err: error, seq }, 'passed over a checkpoint that is not whole');
      }
    }
    return undefined;
  }

  async save({ seq, format }: CheckpointHead, lines: Iterable<string>): Promise<boolean> {
    await this.#ensureStream();
    const { revision } = await this.#find();
    const log = await this.#mark(seq);
    if (!log) return false;
    const id = nuid.next();
    try {
      return await this.#store({ id, seq, format, log }, lines, revision);
    } catch (error) {
      // They may be what leaves no room for another try.
      await this.#purgeAbandoned().catch(() => {});
      throw error;
    }
  }

  async #store(
    { id, seq, format, log }: Omit<Manifest, 'pieces' | 'lines'>,
    lines: Iterable<string>,
    revision: number,
  ): Promise<boolean> {
    const stored = await this.#storePieces(id, lines);
    const manifest: Manifest = { id, seq, format, pieces: stored.pieces, lines: stored.lines, log };
    const isWhole = (await this.#piecesOf(id)) === stored.pieces;
    const isNewest = isWhole && (await this.#storeManifest(manifest, revision));
    // Either what it replaced, and what other writers left, or its own pieces, which nobody will read.
    const purge = isNewest
      ? { filter: 'checkpoint.piece.>', seq: stored.first }
      : { filter: `checkpoint.piece.${id}.*` };
    if (stored.pieces > 0) await this.#manager.streams.purge(CHECKPOINTS, purge);
    return isNewest;
  }

  async #ensureStream(): Promise<void> {
    await provideStream(
      this.#manager,
      { name: CHECKPOINTS },
      {
        subjects: ['checkpoint.>'],
        storage: StorageType.File,
        retention: RetentionPolicy.Limits,
        discard: DiscardPolicy.New,
        max_bytes: MAX_BYTES,
        max_msgs_per_subject: 1,
        duplicate_window: nanos(10_000),
        allow_direct: true,
        num_replicas: this.#replicas,
      },
    );
  }

  /** The manifest if it is one of ours and of this log; and where it stands, 0 if there is none. */
  async #find(): Promise<{ readonly manifest: Manifest | undefined; readonly revision: number }> {
    const message = await orNothing(
      this.#manager.streams.getMessage(CHECKPOINTS, { last_by_subj: MANIFEST }),
    );
    if (!message) return { manifest: undefined, revision: 0 };
    const revision = message.seq;
    const manifest = parse(message.string());
    if (!checkManifest.Check(manifest)) {
      this.#logger.warn('passed over a checkpoint whose manifest cannot be read');
      return { manifest: undefined, revision };
    }
    if (await this.#belongs(manifest)) return { manifest, revision };
    this.#logger.warn({ seq: manifest.seq }, 'passed over a checkpoint of another log');
    return { manifest: undefined, revision };
  }

  async #belongs({ seq, log }: Manifest): Promise<boolean> {
    const { created, state } = await this.#manager.streams.info(STREAM);
    if (created !== log.madeAt) return false;
    // Its event may have left the log; then the date of the log must do.
    return seq < state.first_seq || (await this.#mark(seq))?.storedAt === log.storedAt;
  }

  /** What tells this log, up to this event, from others; undefined if the event is not in it. */
  async #mark(seq: number): Promise<Manifest['log'] | undefined> {
    const [{ created }, event] = await Promise.all([
      this.#manager.streams.info(STREAM),
      orNothing(this.#manager.streams.getMessage(STREAM, { seq })),
    ]);
    return event ? { madeAt: created, storedAt: event.timestamp } : undefined;
  }

  async #storePieces(id: string, lines: Iterable<string>) {
    let first = Number.POSITIVE_INFINITY;
    let pieces = 0;
    let count = 0;
    for (const piece of gather(lines)) {
      const data = await zip(piece.join('\n'), { level: 1 });
      const { seq } = await this.#client.publish(pieceSubject(id, pieces), data);
      first = Math.min(first, seq);
      pieces += 1;
      count += piece.length;
    }
    return { first, pieces, lines: count };
  }

  /** How many there are: whoever has failed removes those of others, too, which may not have been abandoned. */
  async #piecesOf(id: string): Promise<number> {
    return (await subjectsIn(this.#manager, CHECKPOINTS, `checkpoint.piece.${id}.*`)).length;
  }

  /** All pieces but those of the checkpoint that is there when they go: another front may put its own there meanwhile. */
  async #purgeAbandoned(): Promise<void> {
    const pieces = await subjectsIn(this.#manager, CHECKPOINTS, 'checkpoint.piece.>');
    const ids = new Set(pieces.map((subject) => subject.split('.')[2]));
    for (const id of ids)
      if (id !== (await this.#find()).manifest?.id)
        await this.#manager.streams.purge(CHECKPOINTS, { filter: `checkpoint.piece.${id}.*` });
  }

  /** False if another one was stored since `revision`. */
  async #storeManifest(manifest: Manifest, revision: number): Promise<boolean> {
    try {
      await this.#client.publish(MANIFEST, JSON.stringify(manifest), {
        expect: { lastSubjectSequence: revision },
      });
      return true;
    } catch (error) {
      const { StreamWrongLastSequence: wrong, StreamWrongLastSequenceUnknown: unknown } = JetStreamApiCodes;
      if (hasCode(error, wrong, unknown)) return false;
      throw error;
    }
  }

  async #readLines({ id, pieces, lines }: Manifest): Promise<string[]> {
    const read: string[][] = new Array(pieces);
    let next = 0;
    const readNext = async (): Promise<void> => {
      for (let index = next++; index < pieces; index = next++) read[index] = await this.#readPiece(id, index);
    };
    await Promise.all(Array.from({ length: PIECES_AT_ONCE }, readNext));
    const all = read.flat();
    if (all.length !== lines) throw new Error(`${lines} lines are missing, there are ${all.length}`);
    return all;
  }

  async #readPiece(id: string, index: number): Promise<string[]> {
    const message = await this.#manager.streams.getMessage(CHECKPOINTS, {
      last_by_subj: pieceSubject(id, index),
    });
    if (!message) throw new Error(`piece ${index} is missing`);
    return (await unzip(message.data)).toString('utf8').split('\n');
  }
}

/** Lines in portions of `PIECE_BYTES` or a little more. */
function* gather(lines: Iterable<string>): Generator<string[]> {
  let piece: string[] = [];
  let bytes = 0;
  for (const line of lines) {
    piece.push(line);
    bytes += Buffer.byteLength(line) + 1;
    if (bytes < PIECE_BYTES) continue;
    yield piece;
    piece = [];
    bytes = 0;
  }
  if (piece.length > 0) yield piece;
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
