import { constants, rmSync } from 'node:fs';
import { cp, mkdir, mkdtemp, open, readdir, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { ARCHIVE } from '../log/jetstream/archive/stream.ts';
import { STREAM, streamFolder } from '../log/jetstream/stream.ts';
import { storeOf } from '../log/server/embedded-server.ts';
import { CannotStart } from './terminal.ts';

export interface StoreCopy {
  /** To be taken for a `DATA_DIR`, as far as its nats-server goes. */
  readonly folder: string;
  /** It goes with this process, too. */
  remove(): void;
}

/**
 * A nats-server that is started on streams of which some has grown too old removes that first of all. Who only wants to
 * look at them is given a copy, below the system's folder for temporary files; undefined where nothing would go. Rejects
 * with `CannotStart` where there is no room for it.
 */
export async function copyIfAged(config: Config): Promise<StoreCopy | undefined> {
  const store = storeOf(config);
  if (!(await hasAged(store))) return undefined;
  let remove = (): void => {};
  try {
    const folder = await mkdtemp(join(tmpdir(), 'wyvern-replay-'));
    remove = () => rmSync(folder, { recursive: true, force: true });
    process.once('exit', remove);
    const target = storeOf({ DATA_DIR: folder });
    await mkdir(target, { recursive: true });
    await cp(store, target, { recursive: true, mode: constants.COPYFILE_FICLONE });
    return { folder, remove };
  } catch (error) {
    remove();
    const reason = (error as Error).message;
    throw new CannotStart(
      `cannot make a copy of the log to read, for which TMPDIR must have room: ${reason}`,
    );
  }
}

async function hasAged(store: string): Promise<boolean> {
  for (const name of [STREAM, ARCHIVE]) {
    const folder = streamFolder(store, name);
    const maxAgeMs = await maxAgeOf(folder);
    if (maxAgeMs > 0 && (await oldestOf(folder)) < Date.now() - maxAgeMs) return true;
  }
  return false;
}

/** In milliseconds; 0 for none. */
async function maxAgeOf(stream: string): Promise<number> {
  const text = await readFile(join(stream, 'meta.inf'), 'utf8').catch(() => '');
  return Number(/"max_age":\s*(\d+)/.exec(text)?.[1] ?? 0) / 1e6;
}

/** Where in a record the time stands at which it was stored, in nanoseconds since 1970: behind its length and sequence. */
const TIME_AT = 12;
const RECORD_HEAD_BYTES = 20;

/** When the oldest record was stored, or before: in milliseconds since 1970. Of a compressed block only its file tells. */
async function oldestOf(stream: string): Promise<number> {
  const folder = join(stream, 'msgs');
  const numbers = (await readdir(folder).catch(() => [])).flatMap(
    (name) => /^(\d+)\.blk$/.exec(name)?.[1] ?? [],
  );
  if (numbers.length === 0) return Number.POSITIVE_INFINITY;
  const path = join(folder, `${Math.min(...numbers.map(Number))}.blk`);
  await using file = await open(path);
  const head = Buffer.alloc(RECORD_HEAD_BYTES);
  const { bytesRead } = await file.read(head, 0, head.length, 0);
  if (bytesRead < head.length) return Number.POSITIVE_INFINITY;
  const isCompressed = head.subarray(0, 3).toString('latin1') === 'cmp';
  return isCompressed ? (await stat(path)).mtimeMs : Number(head.readBigInt64LE(TIME_AT)) / 1e6;
}
