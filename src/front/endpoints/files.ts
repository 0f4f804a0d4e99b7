import { foldHistory, isEnded, type TaskState } from '../../projection/state.ts';
import { type LocatedOutput, locateOutput, outputOf } from '../../storage/locate-output.ts';
import type { StoredFile } from '../../storage/storage.ts';
import type { Exchange, Headers } from '../exchange.ts';
import type { FrontParts } from '../front-parts.ts';
import { RequestError } from '../request-error.ts';
import { isNotModified, parseRange } from '../validators.ts';

/**
 * `GET` and `HEAD /files/{key}/{name}.{ext}`: an output of the attempt that won, or, before there is one, of the attempt
 * that runs; or a sample picture.
 */
export async function files(parts: FrontParts, exchange: Exchange, rest: string): Promise<void> {
  const letGo = parts.connections.takeOutput();
  try {
    await answer(parts, exchange, rest);
  } finally {
    letGo();
  }
}

async function answer(parts: FrontParts, exchange: Exchange, rest: string): Promise<void> {
  const served = await locateOutput(rest, (key, file) => read(parts, key, file));
  const stored = served && (await parts.storage.open(served.path));
  if (!served || !stored)
    throw new RequestError(404, [{ name: 'path', location: 'path', description: 'there is no such file' }]);
  try {
    await serve(exchange, served, stored);
  } finally {
    await stored.close();
  }
}

/** The task's state, and the log's own where another front may have told of the file before this one has heard of it. */
async function read(
  { projection, log }: FrontParts,
  key: string,
  file: string,
): Promise<TaskState | undefined> {
  const known = await projection.read(key);
  if (!known || isEnded(known) || outputOf(known, file)) return known;
  return foldHistory(await log.history(key)) ?? known;
}

async function serve(
  exchange: Exchange,
  { contentType, tag, isFinal }: LocatedOutput,
  stored: StoredFile,
): Promise<void> {
  const etag = `"${tag}"`;
  const { head } = exchange;
  const headers: Headers = {
    ETag: etag,
    'Last-Modified': stored.modifiedAt.toUTCString(),
    'Cache-Control': isFinal ? 'public, max-age=31536000, immutable' : 'no-cache',
    'Accept-Ranges': 'bytes',
    'Access-Control-Expose-Headers': 'Accept-Ranges, Content-Range, ETag',
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'Cross-Origin-Resource-Policy': 'cross-origin',
    'Content-Disposition': 'inline',
  };
  if (isNotModified(head, etag, stored.modifiedAt)) return exchange.sendWithoutBody(304, headers);
  const typed = { ...headers, 'Content-Type': contentType };
  // RFC 9110, 14.2: ranges are for GET.
  const range = head.method === 'GET' ? parseRange(head, etag, stored) : undefined;
  if (range === 'unsatisfiable')
    throw new RequestError(
      416,
      [{ name: 'Range', location: 'header', description: `the file has ${stored.bytes} bytes` }],
      { 'Content-Range': `bytes */${stored.bytes}` },
    );
  const bytes = range ? range.end - range.start + 1 : stored.bytes;
  const ranged = range
    ? { ...typed, 'Content-Range': `bytes ${range.start}-${range.end}/${stored.bytes}` }
    : typed;
  const status = range ? 206 : 200;
  if (head.method === 'HEAD') return exchange.sendWithoutBody(status, ranged, bytes);
  if (bytes === 0) return exchange.send(status, '', ranged);
  await exchange.sendStream(status, ranged, bytes, stored.read(range));
}
