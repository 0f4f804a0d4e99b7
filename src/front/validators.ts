import type { ByteRange } from '../storage/storage.ts';
import type { RequestHead } from './request-head.ts';

interface Entity {
  readonly bytes: number;
  readonly modifiedAt: Date;
}

const seconds = (date: Date | number): number => Math.floor(Number(date) / 1_000);

/** RFC 9110, 13.2.2: `If-None-Match` decides where it stands, `If-Modified-Since` only without it. */
export function isNotModified(head: RequestHead, etag: string, modifiedAt: Date): boolean {
  const match = head.header('if-none-match');
  if (match !== '')
    return match.trim() === '*' || match.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
  const since = Date.parse(head.header('if-modified-since'));
  return !Number.isNaN(since) && seconds(modifiedAt) <= seconds(since);
}

/**
 * The one range that was asked for, both ends included. Undefined means the whole: no range, one that this
 * server does not know (RFC 9110, 14.2), several, or `If-Range` names another version.
 */
export function parseRange(
  head: RequestHead,
  etag: string,
  { bytes, modifiedAt }: Entity,
): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(head.header('range').trim());
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const condition = head.header('if-range').trim();
  if (condition !== '' && condition !== etag && Date.parse(condition) !== seconds(modifiedAt) * 1_000)
    return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') {
    const suffix = Number(last);
    return suffix === 0 || bytes === 0
      ? 'unsatisfiable'
      : { start: Math.max(0, bytes - suffix), end: bytes - 1 };
  }
  const start = Number(first);
  const end = last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= bytes ? 'unsatisfiable' : { start, end };
}
