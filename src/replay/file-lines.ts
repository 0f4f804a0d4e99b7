import type { Readable } from 'node:stream';

/**
 * The lines of a file, without their ends, whatever pieces it comes in. Undefined in place of one that is longer than
 * `maxBytes`, after which there are no more: so memory holds one line and one piece.
 */
export async function* linesOf(source: Readable, maxBytes: number): AsyncGenerator<Buffer | undefined> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of source) {
    let text = rest.length > 0 ? Buffer.concat([rest, piece as Buffer]) : (piece as Buffer);
    for (let end = text.indexOf(10); end !== -1; end = text.indexOf(10)) {
      if (end > maxBytes) return yield undefined;
      yield text.subarray(0, end);
      text = text.subarray(end + 1);
    }
    if (text.length > maxBytes) return yield undefined;
    rest = text;
  }
  if (rest.length > 0) yield rest;
}
