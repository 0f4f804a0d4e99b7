import type { StoredOutput } from '../../../actors/event.ts';
import { isKey } from '../../log/key.ts';
import { foldHistory, isEnded, type TaskState } from '../../projection/state.ts';
import { sampleType } from '../../storage/sample.ts';
import { isOutputPath, type OutputPath, type StoredFile } from '../../storage/storage.ts';
import type { Exchange, Headers } from '../exchange.ts';
import type { FrontParts } from '../front-parts.ts';
import { RequestError } from '../request-error.ts';
import { isNotModified, parseRange } from '../validators.ts';

interface Served {
  readonly path: OutputPath;
  readonly contentType: string;
  readonly etag: string;
  /** False while another attempt may still put another file in its place. */
  readonly isFinal: boolean;
}

/**
 * `GET` and `HEAD /files/{key}/{name}.{ext}`: an output of the attempt that won, or, before there is one, of the attempt
 * that runs; or a sample picture.
 */
export async function files(parts: FrontParts, exchange: Exchange, rest: string): Promise<void> {
  const served = await find(parts, rest);
  const stored = served && (await parts.storage.open(served.path));
  if (!served || !stored)
    throw new RequestError(404, [{ name: 'path', location: 'path', description: 'there is no such file' }]);
  try {
    await serve(exchange, served, stored);
  } finally {
    await stored.close();
  }
}

/** Paths are taken as they are written: nothing in the name of an output needs percent-encoding. */
async function find({ projection, log }: FrontParts, path: string): Promise<Served | undefined> {
  const [key = '', file = '', ...more] = path.split('/');
  if (more.length > 0) return undefined;
  if (key === 'sample') {
    const contentType = sampleType(file);
    const path = { key, attempt: 0, file };
    const etag = `"sample-${file}"`;
    return contentType && isOutputPath(path) ? { path, contentType, etag, isFinal: true } : undefined;
  }
  const known = isKey(key) ? await projection.read(key) : undefined;
  if (!known) return undefined;
  // Another front may have told of the file before this one has heard of it.
  const isBehind = !isEnded(known) && !outputOf(known, file);
  const state = (isBehind && foldHistory(await log.history(key))) || known;
  const output = outputOf(state, file);
  if (!output) return undefined;
  return {
    path: { key, attempt: output.attempt, file },
    contentType: output.content_type,
    etag: `"${output.sha256}"`,
    isFinal: isEnded(state),
  };
}

const outputOf = ({ outputs }: TaskState, file: string): StoredOutput | undefined =>
  outputs.find((output) => output.file === file);

async function serve(
  exchange: Exchange,
  { contentType, etag, isFinal }: Served,
  stored: StoredFile,
): Promise<void> {
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
