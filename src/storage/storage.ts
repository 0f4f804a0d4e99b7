import type { Readable } from 'node:stream';

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

export interface StoredFile {
  readonly bytes: number;
  readonly modifiedAt: Date;
  /** The bytes from `start` to `end`, both included; the whole file without them. */
  read(range?: { readonly start: number; readonly end: number }): Readable;
  close(): Promise<void>;
}

/** The port for outputs. What `put` resolved is on disk, whole, under its final name. */
export interface Storage {
  /** Rejects with `StorageFailure` when the bytes could not be made durable; nothing is left behind then. */
  put(path: OutputPath, data: Uint8Array): Promise<void>;
  /** Undefined when no such output is stored. The caller closes the file. */
  open(path: OutputPath): Promise<StoredFile | undefined>;
}

/** The store could not take or give bytes: disk full, no permission, out of reach. */
export class StorageFailure extends Error {
  override readonly name = 'StorageFailure';
}

const FILE = /^[a-z0-9_-]{1,64}\.[a-z0-9_-]{1,64}$/;
const KEY = /^(sample|[0-7][0-9A-HJKMNP-TV-Z]{25})$/;

/** True for a path whose every part is of the closed alphabets above, so that joining it cannot leave the store. */
export const isOutputPath = ({ key, attempt, file }: OutputPath): boolean =>
  KEY.test(key) && Number.isSafeInteger(attempt) && attempt >= 0 && FILE.test(file);
