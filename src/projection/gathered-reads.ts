import type { FileHandle } from 'node:fs/promises';
import type { Slice } from './slice-table.ts';

/** The most that one read takes for several slices, and that may lie between two of them, in bytes. */
const SPAN_BYTES = 256 * 1024;
const GAP_BYTES = 4 * 1024;

interface Asked extends Slice {
  resolve(text: string): void;
  reject(error: unknown): void;
}

/** Slices that are read at once. */
interface Span {
  readonly at: number;
  end: number;
  readonly asked: Asked[];
}

/**
 * Reads a file where it is asked to. What is asked for in one turn and lies side by side is one read: a read goes through
 * another thread, 20 µs each, and who asks for a thousand tasks mostly asks for neighbours.
 */
export class GatheredReads {
  readonly #handle: FileHandle;
  #asked: Asked[] = [];

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Resolves with the text there; rejects as the file does. */
  read({ at, bytes }: Slice): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ at, bytes, resolve, reject });
      if (this.#asked.length === 1) queueMicrotask(() => this.#readAll());
    });
  }

  #readAll(): void {
    const spans = spansOf(this.#asked);
    this.#asked = [];
    for (const span of spans) void this.#readSpan(span);
  }

  async #readSpan({ at, end, asked }: Span): Promise<void> {
    try {
      const { buffer, bytesRead } = await this.#handle.read(Buffer.allocUnsafe(end - at), 0, end - at, at);
      if (bytesRead < end - at) throw new Error(`only ${bytesRead} of ${end - at} bytes could be read`);
      for (const one of asked) one.resolve(buffer.toString('utf8', one.at - at, one.at - at + one.bytes));
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}

function spansOf(asked: Asked[]): Span[] {
  const spans: Span[] = [];
  for (const one of asked.sort((a, b) => a.at - b.at)) {
    const span = spans.at(-1);
    const end = Math.max(span?.end ?? 0, one.at + one.bytes);
    if (span && one.at <= span.end + GAP_BYTES && end - span.at <= SPAN_BYTES) {
      span.end = end;
      span.asked.push(one);
    } else spans.push({ at: one.at, end, asked: [one] });
  }
  return spans;
}
