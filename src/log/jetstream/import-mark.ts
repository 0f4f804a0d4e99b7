import type { StreamConfig } from '@nats-io/jetstream';
import { LogUnavailable } from '../log.ts';
import type { Loss } from '../reading.ts';

/** Where the stream's metadata say that it was filled from an export. */
const STATE = 'wyvern-import';
const THROUGH = 'wyvern-imported-through';
const LOST = 'wyvern-import-lost';
/** JetStream takes 128 kB of metadata. What is more than this is not excused. */
const LOSSES_AT_MOST = 2_000;

/**
 * `unfinished`: an import is under way, or died; such a stream is no log yet. `part`: what was exported were chosen
 * tasks, or those of one account. `whole`: it was all that the log held, from one event to another.
 */
export type ImportState = 'unfinished' | 'part' | 'whole';

type Marked = Pick<StreamConfig, 'metadata'>;

/** Undefined for a log that was not imported. */
export const importOf = ({ metadata }: Marked): ImportState | undefined =>
  metadata?.[STATE] as ImportState | undefined;

/** Up to this sequence the log was imported; 0 if it was not. */
export const importedThrough = ({ metadata }: Marked): number => Number(metadata?.[THROUGH] ?? 0);

/** What the log that was exported had let go of before it was read, in order. */
export const lostBeforeImport = ({ metadata }: Marked): readonly Loss[] =>
  (metadata?.[LOST] ?? '').split(',').flatMap((loss) => {
    const [from, to] = loss.split('-').map(Number);
    return from && to ? [{ from, to }] : [];
  });

interface Finished {
  readonly through: number;
  readonly lost: readonly Loss[];
}

export const importMark = (state: ImportState, finished?: Finished): Record<string, string> => ({
  [STATE]: state,
  ...(finished && { [THROUGH]: String(finished.through) }),
  ...(finished && finished.lost.length > 0 && { [LOST]: textOf(finished.lost) }),
});

const textOf = (lost: readonly Loss[]): string =>
  lost
    .slice(0, LOSSES_AT_MOST)
    .map(({ from, to }) => `${from}-${to}`)
    .join(',');

export class UnfinishedImport extends LogUnavailable {
  constructor() {
    super(
      'the log is being imported, or an import was cut off. The service waits until it is whole. If no ' +
        "'wyvern replay --import' is running, run it again on the same file: it begins anew. To begin with an empty log " +
        'instead, remove the stream TASKS; of an embedded nats-server, stop the service and remove the folder nats in DATA_DIR',
    );
  }
}

/** The header in which an imported event carries when it was stored first, in milliseconds since 1970. */
export const STORED_AT = 'Wyvern-Stored-At';

interface Headers {
  get(name: string): string;
}

/** When a record was stored first: by the log that it came from, if it was imported. */
export const storedAt = (headers: Headers | undefined, storedAtMs: number): number =>
  Number(headers?.get(STORED_AT) || storedAtMs);
