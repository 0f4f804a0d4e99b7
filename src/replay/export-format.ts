import { formatDate } from '../log/event-date.ts';
import type { LogRecord, Loss } from '../log/reading.ts';

/**
 * An export is NDJSON:
 * ```
 * {"export":{"format":1,"part":false}}
 * {"seq":51,"stored":"2026-…","subject":"task.queued.hello.01M….0","data":{"v":2,…}}
 * {"end":{"records":1134,"sha256":"…"}}
 * ```
 * `part` says that only chosen tasks, or those of one account, were taken along; then sequences are missing. `stored`
 * is when the log stored the record, to the millisecond; the event's own date is in `data`. `data` is what is stored,
 * byte for byte, where that is JSON on one line, and else there is `base64` in its place. `sha256` is that of all lines
 * before the last, so a file that was cut off or changed can be told. Where the log let go of records while they were
 * exported, which are missing between others, `end` has `"lost":[{"from":61,"to":99}]` besides.
 *
 * What JetStream keeps beside a record, the conditions under which it was published, is not taken along.
 */
export const FORMAT = 1;

/** More than any record takes, as base64 and with its subject. */
export const MAX_LINE_BYTES = 1_000_000;

export interface ExportHead {
  readonly part: boolean;
}

export interface ExportEnd {
  readonly records: number;
  readonly sha256: string;
  /** In order, if there is any. */
  readonly lost?: readonly Loss[];
}

export const headLine = ({ part }: ExportHead): string =>
  `${JSON.stringify({ export: { format: FORMAT, part } })}\n`;

export const endLine = (end: ExportEnd): string => `${JSON.stringify({ end })}\n`;

// A byte order mark is part of what is stored.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function recordLine({ seq, subject, bytes, storedAtMs }: LogRecord): string {
  const head = `{"seq":${seq},"stored":"${formatDate(storedAtMs * 1_000)}","subject":${JSON.stringify(subject)}`;
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

/** Throws on what is not UTF-8. */
export const decodeLine = (line: Uint8Array): string => decoder.decode(line);

/** The head, or how it is not that of an export that can be read here. */
export function parseHead(line: string): ExportHead | string {
  const { export: head } = parseObject(line) as { export?: { format?: unknown; part?: unknown } };
  if (typeof head?.format !== 'number' || typeof head.part !== 'boolean')
    return 'is not an export of a log: it does not begin with {"export":…}';
  if (head.format !== FORMAT) return `is of format ${head.format}, this program reads format ${FORMAT}`;
  return { part: head.part };
}

/** Undefined for a line that is not the last one. */
export function parseEnd(line: string): ExportEnd | undefined {
  if (!line.startsWith('{"end":')) return undefined;
  const { end } = parseObject(line) as { end?: Partial<ExportEnd> };
  if (typeof end?.records !== 'number' || typeof end.sha256 !== 'string') return undefined;
  const { records, sha256, lost = [] } = end;
  return areLosses(lost) ? { records, sha256, lost } : undefined;
}

/** In order, and not of nothing. */
function areLosses(lost: unknown): lost is Loss[] {
  if (!Array.isArray(lost)) return false;
  let last = 0;
  return lost.every((loss: Partial<Loss> | null) => {
    const { from = 0, to = 0 } = loss ?? {};
    const isLoss = Number.isSafeInteger(from) && Number.isSafeInteger(to) && from > last && to >= from;
    last = to;
    return isLoss;
  });
}

const RECORD =
  /^\{"seq":([1-9]\d{0,14}),"stored":"([0-9T:.+-]+)","subject":"([^"\\]+)",(?:"data":(.+)|"base64":"([A-Za-z0-9+/]*={0,2})")\}$/su;

/** As `recordLine` wrote it; undefined for anything else. */
export function parseRecord(line: string): LogRecord | undefined {
  const [, seq, stored = '', subject = '', data, base64 = ''] = RECORD.exec(line) ?? [];
  const storedAtMs = Date.parse(stored);
  if (seq === undefined || Number.isNaN(storedAtMs)) return undefined;
  const bytes = data === undefined ? Buffer.from(base64, 'base64') : Buffer.from(data);
  return { seq: Number(seq), subject, bytes, storedAtMs };
}

function parseObject(line: string): object {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
