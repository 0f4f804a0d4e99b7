import type { Source } from '../definition.ts';
import { lookInto, type ReadBytes } from './source-bytes.ts';

/** Of a box: its length, with these bytes, and its name. */
const HEADER_BYTES = 8;
/** Behind the header of some boxes: version and flags. */
const VERSION_BYTES = 4;
/** That are looked at in each other box; encoders write some ten. */
const MAX_BOXES = 1_000;

interface Span {
  readonly from: number;
  readonly until: number;
}

/**
 * Whether an AVIF has its colours multiplied by their opacity: `meta` has a list of references, `iref`, in which a `prem`
 * says so. libvips takes them for colours like any others, which makes what can be seen through too dark.
 */
export const isPremultiplied = (source: Pick<Source, 'path' | 'data'>): boolean =>
  lookInto(source, (read) => {
    const meta = boxIn(read, { from: 0, until: Infinity }, 'meta');
    const references = meta && boxIn(read, behindVersion(meta), 'iref');
    return references !== undefined && boxIn(read, behindVersion(references), 'prem') !== undefined;
  });

const behindVersion = ({ from, until }: Span): Span => ({ from: from + VERSION_BYTES, until });

/** What the first box of this name holds. Longer ones than 4 GB are not followed: no source has them. */
function boxIn(read: ReadBytes, { from, until }: Span, name: string): Span | undefined {
  let at = from;
  for (let boxes = 0; boxes < MAX_BOXES && at + HEADER_BYTES <= until; boxes += 1) {
    const header = read(at, HEADER_BYTES);
    if (header.length < HEADER_BYTES) return undefined;
    const length = header.readUInt32BE(0);
    if (length < HEADER_BYTES) return undefined;
    const end = Math.min(until, at + length);
    if (header.toString('latin1', 4) === name) return { from: at + HEADER_BYTES, until: end };
    at = end;
  }
  return undefined;
}

/** Divides red, green and blue by the alpha behind them, in place. */
export function divideByAlpha(rgba: Buffer): Buffer {
  for (let at = 3; at < rgba.length; at += 4) {
    const alpha = rgba[at] ?? 0;
    if (alpha === 0 || alpha === 255) continue;
    for (let sample = at - 3; sample < at; sample += 1)
      rgba[sample] = Math.min(255, Math.round(((rgba[sample] ?? 0) * 255) / alpha));
  }
  return rgba;
}
