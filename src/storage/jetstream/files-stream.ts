import { DiscardPolicy, type JetStreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { Config } from '../../config.ts';
import { provideStream } from '../../log/jetstream/any-stream.ts';
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
export function parseFileSubject(
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
  const made = {
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
  };
  const { MAX_FILES_BYTES: max_bytes, REPLICAS: num_replicas } = settings;
  await provideStream(manager, made, { max_bytes, num_replicas });
}
