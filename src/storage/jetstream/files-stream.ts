import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { Config } from '../../config.ts';
import { isOutputPath, type OutputPath, shardOf } from '../storage.ts';

export const FILES = 'FILES';

/** Bytes that one message holds of an output. Its headers, and base64 on one way of reading, fit into 1 MB with it. */
export const PIECE_BYTES = 512 * 1024;

/**
 * ```
 * file.<shard>.<key>.<attempt>.<name>.<extension>            the output, or the manifest of a large one
 * piece.<shard>.<key>.<attempt>.<name>.<extension>.<put>     a large one's pieces, all on one subject
 * ```
 * The name and the extension of an output are of `[a-z0-9_-]`, so each is one token. `<put>` is a ULID: it tells
 * two puts of one path apart, and when each began.
 */
export const fileSubject = (path: OutputPath): string => `file.${tail(path)}`;
export const pieceSubject = (path: OutputPath, put: string): string => `piece.${tail(path)}.${put}`;

const tail = ({ key, attempt, file }: OutputPath): string => `${shardOf(key)}.${key}.${attempt}.${file}`;

/** The path that a subject is about, and of a piece its put. Undefined for a subject that is not one of ours. */
export function parseSubject(
  subject: string,
): { readonly path: OutputPath; readonly put: string } | undefined {
  const [, , key = '', attempt, name, extension, put = ''] = subject.split('.');
  const path = { key, attempt: Number(attempt), file: `${name}.${extension}` };
  return isOutputPath(path) ? { path, put } : undefined;
}

type StreamSettings = Pick<Config, 'MAX_FILES_BYTES' | 'REPLICAS'>;

/**
 * Makes the stream of outputs, or brings what may change of it to the settings. A full one refuses (`discard: new`):
 * it never gives up an output that somebody may still ask for.
 */
export async function ensureFilesStream(manager: JetStreamManager, settings: StreamSettings): Promise<void> {
  const adjustable = { max_bytes: settings.MAX_FILES_BYTES, num_replicas: settings.REPLICAS };
  const config: Partial<StreamConfig> & { name: string } = {
    name: FILES,
    subjects: ['file.>', 'piece.>'],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_msg_size: PIECE_BYTES + 1_024,
    duplicate_window: nanos(1_000),
    allow_direct: true,
    // A put of a path that is taken replaces what lies there, in one step.
    allow_rollup_hdrs: true,
    ...adjustable,
  };
  try {
    const { config: found } = await manager.streams.info(FILES);
    // As with the log, one that was started without `REPLICAS` takes no copies away.
    const num_replicas = Math.max(found.num_replicas, adjustable.num_replicas);
    const isAsSet = found.max_bytes === adjustable.max_bytes && found.num_replicas === num_replicas;
    if (!isAsSet) await manager.streams.update(FILES, { ...adjustable, num_replicas });
  } catch (error) {
    if (!isUnknownStream(error)) throw error;
    await manager.streams.add(config);
  }
}

export async function hasFilesStream(manager: JetStreamManager): Promise<boolean> {
  try {
    await manager.streams.info(FILES);
    return true;
  } catch (error) {
    if (isUnknownStream(error)) return false;
    throw error;
  }
}

const isUnknownStream = (error: unknown): boolean =>
  error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
