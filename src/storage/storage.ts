import type { Readable } from 'node:stream';
import { KEY_PATTERN } from '../log/key.ts';

/**
 * Where an output lies: `<key>/<attempt>/<name>.<extension>`.
 *
 * The attempt is part of the path, so a worker that lost its lease writes beside the winner, never over it.
 */
export interface OutputPath {
  /** The task's key, a ULID, or `sample` for the pictures that come with Wyvern. */
  readonly key: string;
  /** From 1; 0 for samples. */
  readonly attempt: number;
  /** `<name>.<extension>`, both of `[a-z0-9_-]`, at most 64 characters each. */
  readonly file: string;
}

/** A part of a file: the positions of its first and its last byte. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface StoredFile {
  readonly bytes: number;
  readonly modifiedAt: Date;
  /**
   * The bytes of the range, or of the whole file. The stream fails with `StorageFailure` when they cannot be had, so that
   * nobody takes a part for the whole.
   */
  read(range?: ByteRange): Readable;
  close(): Promise<void>;
}

/**
 * The port for outputs. What `put` resolved is durable, whole, and can be opened by every process of the
 * service; what it did not resolve cannot be opened by anybody. All of it rejects with `StorageFailure`.
 */
export interface Storage {
  /** When the bytes cannot be made durable it rejects, and nothing is left behind. */
  put(path: OutputPath, data: Uint8Array): Promise<void>;
  /** Undefined when no such output is stored. The caller closes the file. */
  open(path: OutputPath): Promise<StoredFile | undefined>;
  /** Resolves when the output is not there, any more or at all. */
  remove(path: OutputPath): Promise<void>;
  /** The outputs of one shard, in no order. Those that come and go meanwhile may be among them or not. */
  list(shard: string): Promise<OutputPath[]>;
  /**
   * Removes from one shard what was left behind by puts that died half-way and began before that moment. The
   * longest put must take less. Resolves with how many there were.
   */
  removeUnfinished(shard: string, before: Date): Promise<number>;
}

/** What reading outputs takes. */
export interface OutputReader extends Pick<Storage, 'open'> {
  /** The settings that lead there, for who looks for an output in the wrong place. */
  readonly place: string;
}

/** The store could not take or give bytes: disk full, no permission, out of reach. */
export class StorageFailure extends Error {
  override readonly name = 'StorageFailure';
}

const FILE = /^[a-z0-9_-]{1,64}\.[a-z0-9_-]{1,64}$/;
const KEY = new RegExp(`^(sample|${KEY_PATTERN})$`);

/** True for a path whose every part is of the closed alphabets above, so that joining it cannot leave the store. */
export const isOutputPath = ({ key, attempt, file }: OutputPath): boolean =>
  KEY.test(key) && Number.isSafeInteger(attempt) && attempt >= 0 && FILE.test(file);

/**
 * The part of the store in which all of a task's outputs lie: the end of its key, two random characters, so that
 * a million tasks are a thousand in each of 1,024 shards.
 */
export const shardOf = (key: string): string => key.slice(-2);

const LETTERS = [...'0123456789ABCDEFGHJKMNPQRSTVWXYZ'];

/** Every shard that a task's outputs may lie in. Samples lie in none: they are nobody's to list or to sweep. */
export const SHARDS: readonly string[] = LETTERS.flatMap((first) => LETTERS.map((second) => first + second));
