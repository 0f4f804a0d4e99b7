import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { formatDate } from '../log/event-date.ts';
import type { EventLog } from '../log/log.ts';
import type { LogRecord } from '../log/reading.ts';
import { readOrExplain } from '../log/recorded-event.ts';
import type { ReplayOptions } from './options.ts';
import type { Range } from './range.ts';

interface Parts {
  readonly log: EventLog;
  readonly write: (line: string) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Writes the records as NDJSON, each with its bytes as they are stored. The file appears under its name when it is
 * whole. It holds what clients sent, and keys, which are capabilities: so only its owner may read it.
 */
export async function exportRecords(parts: Parts, options: ReplayOptions, range: Range): Promise<number> {
  const file = options.file as string;
  const partial = `${file}.part`;
  let count = 0;
  async function* lines(): AsyncGenerator<string> {
    const { log, signal } = parts;
    for await (const { entries } of log.readRecords({ ...range, keys: options.tasks, signal })) {
      let page = '';
      for (const entry of entries)
        if (!('gap' in entry) && isWanted(entry, options.account)) {
          page += recordLine(entry);
          count++;
        }
      if (page !== '') yield page;
    }
  }
  try {
    const target = createWriteStream(partial, { mode: 0o600 });
    if (file.endsWith('.gz')) await pipeline(Readable.from(lines()), createGzip(), target);
    else await pipeline(Readable.from(lines()), target);
    if (parts.signal.aborted) return 130;
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
  await parts.write(
    options.json ? JSON.stringify({ records: count, file }) : `wrote ${count} records to ${file}`,
  );
  return 0;
}

function isWanted({ subject, bytes, seq }: LogRecord, account: string | undefined): boolean {
  if (account === undefined) return true;
  const entry = readOrExplain(subject, bytes, seq);
  return !('unreadable' in entry) && entry.account === account;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** `{seq, time, subject, data}`, with the stored bytes as they are; `base64` in place of `data` where they are no JSON. */
export function recordLine({ seq, subject, bytes, storedAtMs }: LogRecord): string {
  const head = `{"seq":${seq},"time":"${formatDate(storedAtMs * 1_000)}","subject":${JSON.stringify(subject)}`;
  const text = jsonOf(bytes);
  const body = text ? `"data":${text}` : `"base64":"${Buffer.from(bytes).toString('base64')}"`;
  return `${head},${body}}\n`;
}

/** Undefined for what is not JSON on one line. */
function jsonOf(bytes: Uint8Array): string | undefined {
  try {
    const text = decoder.decode(bytes);
    JSON.parse(text);
    return /[\r\n]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
