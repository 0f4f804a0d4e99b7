import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import {
  avifClaiming,
  gifClaiming,
  jpegClaiming,
  pngClaiming,
  webpClaiming,
} from '../support/broken-images.ts';
import { pour } from '../worker/source/answering.ts';
import { type Answer, pathOf, send } from '../worker/source/origin.ts';

/** What an origin does for a path, and what becomes of the task that fetches it. The number is the case's. */
export interface Misbehaviour {
  readonly case: number;
  readonly path: string;
  readonly answer: Answer;
  /** The text of the error, after the source's name. */
  readonly error: string | RegExp;
}

const TOO_LONG = /^the task took longer than/;
const NOT_AN_IMAGE = 'is not a valid image file';

const redirect =
  (location: string): Answer =>
  (socket) =>
    send(socket, '302 Found', { location });
const status =
  (line: string, body = ''): Answer =>
  (socket) =>
    send(socket, line, {}, body);
const body =
  (bytes: string | Buffer, headers: Readonly<Record<string, string>> = {}): Answer =>
  (socket) =>
    send(socket, '200 OK', headers, typeof bytes === 'string' ? bytes : bytes.toString('latin1'));
const raw =
  (text: string, then: 'stall' | 'end' | 'reset'): Answer =>
  (socket) => {
    socket.write(text, 'latin1');
    if (then === 'end') socket.end();
    if (then === 'reset') socket.resetAndDestroy();
  };

const GZIP = gzipSync(Buffer.alloc(60_000_000), { level: 1 });

const REDIRECTS: readonly Misbehaviour[] = [
  [26, 'http://10.0.0.1/', "leads to 'http://10.0.0.1/', which is not at a public address"],
  [27, 'http://localhost/', "leads to 'http://localhost/', which is not at a public address"],
  [28, '', 'redirects to nowhere'],
  [28, '/self', 'redirects more than 5 times'],
  [28, '//user:pw@127.0.0.1/', "leads to 'http://***@127.0.0.1/', which names user information"],
  [28, 'file:///etc/passwd', "leads to 'file:///etc/passwd', which is not an http or https URL"],
].map(([number, location, error], index) => ({
  case: number as number,
  path: location === '/self' ? '/self' : `/redirect-${index}`,
  answer: redirect(location as string),
  error: location === '' ? /./ : (error as string),
}));

const STATUSES: readonly Misbehaviour[] = [204, 206, 304, 401, 403, 404, 999].map((code) => ({
  case: code === 206 ? 43 : 44,
  path: `/status-${code}`,
  answer: status(`${code} X`),
  error: `answered ${code}`,
}));

const BODIES: readonly Misbehaviour[] = [
  { case: 36, path: '/silent', answer: () => undefined, error: TOO_LONG },
  {
    case: 37,
    path: '/drip',
    answer: (socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
      const timer = setInterval(() => socket.write('x'), 500);
      socket.once('close', () => clearInterval(timer));
    },
    error: TOO_LONG,
  },
  {
    case: 38,
    path: '/endless',
    answer: (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      pour(socket, Buffer.alloc(65_536));
    },
    // A slow machine does not come to 50 MB in time.
    error: /^(is larger than 50 MB|the task took longer than)/,
  },
  {
    case: 39,
    path: '/short',
    answer: raw('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx', 'end'),
    error: /cut off/,
  },
  {
    case: 39,
    path: '/long',
    answer: raw('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxxxxx', 'end'),
    error: NOT_AN_IMAGE,
  },
  {
    case: 40,
    path: '/ten-gigabytes',
    answer: raw('HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n', 'stall'),
    error: 'is larger than 50 MB',
  },
  {
    case: 41,
    path: '/bomb',
    answer: body(GZIP, { 'content-encoding': 'gzip' }),
    error: 'is compressed (gzip)',
  },
  {
    case: 42,
    path: '/twice',
    answer: body(gzipSync(GZIP), { 'content-encoding': 'gzip, gzip' }),
    error: 'is compressed (gzip, gzip)',
  },
  {
    case: 45,
    path: '/headers',
    answer: (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      pour(socket, 'x: y\r\n'.repeat(10_000));
    },
    error: /headers larger than/,
  },
  {
    case: 46,
    path: '/reset',
    answer: raw('HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\nhalf', 'reset'),
    error: /./,
  },
  {
    case: 47,
    path: '/login',
    answer: body('<!DOCTYPE html><form>', { 'content-type': 'text/html' }),
    error: NOT_AN_IMAGE,
  },
  { case: 0, path: '/not-http', answer: raw('SSH-2.0-OpenSSH_9\r\n\r\n', 'end'), error: /./ },
];

/** Those that lie in the bytes: cases 49 to 63. */
async function imageAnswers(): Promise<Misbehaviour[]> {
  const photo = sharp({ create: { width: 400, height: 300, channels: 3, background: '#123456' } });
  const jpeg = await photo.clone().jpeg().toBuffer();
  const svg = '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>';
  const images: readonly [number, string, string | Buffer, string][] = [
    [49, '/empty', '', NOT_AN_IMAGE],
    [49, '/magic', '\xff\xd8\xff', NOT_AN_IMAGE],
    [50, '/cut', jpeg.subarray(0, jpeg.length / 2), NOT_AN_IMAGE],
    [51, '/png', await pngClaiming(16_384, 16_384), 'has 268 megapixels, the limit is 50'],
    [51, '/jpeg', await jpegClaiming(65_500, 65_500), 'has 4290 megapixels, the limit is 50'],
    [52, '/webp', webpClaiming(16_383, 16_383), 'has 268 megapixels, the limit is 50'],
    [53, '/avif', await avifClaiming(10_000, 10_000), 'has 100 megapixels, the limit is 16'],
    [54, '/progressive', await jpegClaiming(16_384, 16_384, true), 'has 268 megapixels, the limit is 25'],
    [54, '/interlaced', await pngClaiming(16_384, 16_384, true), 'has 268 megapixels, the limit is 25'],
    [56, '/gif', await gifClaiming(20_000, 20_000), 'has 400 megapixels, the limit is 50'],
    [60, '/svg', svg, NOT_AN_IMAGE],
    [61, '/polyglot', 'GIF89a/*<script>alert(1)</script>*/', NOT_AN_IMAGE],
    [62, '/pdf', '%PDF-1.7\n', NOT_AN_IMAGE],
    [62, '/tiff', await photo.clone().tiff().toBuffer(), NOT_AN_IMAGE],
    [63, '/zip', 'PK\x03\x04', NOT_AN_IMAGE],
    [63, '/playlist', '#EXTM3U\nhttp://127.0.0.1/x.ts\n', NOT_AN_IMAGE],
  ];
  return images.map(([number, path, bytes, error]) => ({ case: number, path, answer: body(bytes), error }));
}

export async function misbehaviours(): Promise<{ all: Misbehaviour[]; answer: Answer }> {
  const all = [...REDIRECTS, ...STATUSES, ...BODIES, ...(await imageAnswers())];
  const byPath = new Map(all.map((each) => [each.path, each.answer]));
  return {
    all,
    answer: (socket, request, origin) =>
      (byPath.get(pathOf(request)) ?? status('404 Not Found'))(socket, request, origin),
  };
}
