import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RawRecord } from '../support/raw-log.ts';

/** A record of a log that was, byte for byte. */
export type Recorded = Omit<RawRecord, 'storedAt'>;

const FOLDER = fileURLToPath(new URL('../fixtures/', import.meta.url));

/** What the service answered for one task when the log was recorded, and how many of its events were late. */
export interface RecordedStatus {
  readonly key: string;
  readonly status: string;
  readonly attempts: number;
  readonly late: number;
  readonly task: object;
  readonly task_metas: object;
}

/** A log as the code of one version of the schema wrote it. */
export interface RecordedLog {
  readonly version: number;
  readonly records: readonly Recorded[];
  /** By the name of what happened to the task. */
  readonly statuses: Readonly<Record<string, RecordedStatus>>;
}

/** The logs that were recorded, one for each version of the schema, in the order of the versions. */
export const recordedLogs: readonly RecordedLog[] = readdirSync(FOLDER)
  .flatMap((name) => /^v(\d+)$/.exec(name)?.[1] ?? [])
  .map(Number)
  .sort((a, b) => a - b)
  .map((version) => {
    const read = (file: string): string => readFileSync(`${FOLDER}v${version}/${file}`, 'utf8');
    const lines = read('log.ndjson').trimEnd().split('\n');
    return {
      version,
      records: lines.map((line) => JSON.parse(line) as Recorded),
      statuses: JSON.parse(read('statuses.json')) as Record<string, RecordedStatus>,
    };
  });
