import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { realpath, rename, rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { EventLog } from '../log/log.ts';
import type { LogRecord, Loss } from '../log/reading.ts';
import { readOrExplain } from '../log/recorded-event.ts';
import { compressorFor } from './compression.ts';
import { endLine, headLine, recordLine } from './export-format.ts';
import { FileProblem } from './file-problem.ts';
import { heldFrom } from './held-from.ts';
import { gapLine } from './lines.ts';
import { merged } from './losses.ts';
import type { ReplayOptions } from './options.ts';
import type { Range } from './range.ts';

interface Parts {
  readonly log: EventLog;
  readonly write: (line: string) => Promise<void>;
  readonly progress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Writes the records to a file, as `export-format.ts` says. It appears under its name when it is whole. It holds what
 * clients sent, and keys, which are capabilities: so only its owner may read it. Rejects with `FileProblem`.
 */
export async function exportRecords(parts: Parts, options: ReplayOptions, range: Range): Promise<number> {
  const file = options.file as string;
  const place = await placeOf(file);
  // A name that nobody else has.
  const partial = `${place}.${randomUUID()}.part`;
  const lines = new Lines(parts, options, range);
  try {
    // On disk before it has its name: after a power failure a short one would stand under it.
    const target = createWriteStream(partial, { mode: 0o600, flags: 'wx', flush: true });
    const compressor = compressorFor(file);
    if (compressor) await pipeline(Readable.from(lines.pages()), compressor, target);
    else await pipeline(Readable.from(lines.pages()), target);
    if (parts.signal.aborted) return 130;
    await rename(partial, place);
  } catch (error) {
    throw FileProblem.of('write', file, error);
  } finally {
    await rm(partial, { force: true }).catch(() => {});
  }
  const { records, lost } = lines;
  if (options.json) await parts.write(JSON.stringify({ records, file, ...(lost.length > 0 && { lost }) }));
  else {
    for (const loss of lost) await parts.write(`${gapLine(loss)} before they were read`);
    await parts.write(`wrote ${records} records to ${file}`);
  }
  return 0;
}

/**
 * Where the file is to stand: behind the link, if its name is one, such as /dev/stdout. A folder would be noticed at the
 * end only, and a device, such as /dev/null, would not be one any more. Rejects with `FileProblem`.
 */
async function placeOf(file: string): Promise<string> {
  const found = await stat(file).catch(() => undefined);
  if (!found) return file;
  if (!found.isFile()) throw new FileProblem(`cannot write ${file}: it is there, and is no file`);
  return realpath(file).catch((error: unknown) => {
    throw FileProblem.of('write', file, error);
  });
}

/** The lines of the file, as many at a time as a page of the log has. */
class Lines {
  records = 0;
  /** What the log had let go of after the first record, before it was read. */
  lost: readonly Loss[] = [];
  #first = 0;
  #last = 0;
  readonly #parts: Parts;
  readonly #options: ReplayOptions;
  readonly #range: Range;
  readonly #digest = createHash('sha256');

  constructor(parts: Parts, options: ReplayOptions, range: Range) {
    this.#parts = parts;
    this.#options = options;
    this.#range = range;
  }

  async *pages(): AsyncGenerator<string> {
    const { log, signal, progress } = this.#parts;
    const { tasks, account } = this.#options;
    const { after, through } = this.#range;
    const lostBefore = await log.lost();
    yield this.#digested(
      headLine({ part: tasks !== undefined || account !== undefined || (await log.isPart()) }),
    );
    for await (const page of log.readRecords({ after, through, keys: tasks, signal })) {
      let text = '';
      for (const entry of page.entries)
        if ('gap' in entry) await this.#note(entry.gap);
        else if (isWanted(entry, account)) {
          text += recordLine(entry);
          this.records++;
          this.#first ||= entry.seq;
          this.#last = entry.seq;
        }
      if (text !== '') yield this.#digested(text);
      progress(page.through - after, through - after);
    }
    this.#noteImported(lostBefore);
    const end = { records: this.records, sha256: this.#digest.digest('hex') };
    yield endLine(this.lost.length > 0 ? { ...end, lost: this.lost } : end);
  }

  /** What is missing for another reason than the log's bounds is not excused, so that it is found in a copy, too. */
  async #note(gap: Loss): Promise<void> {
    const { log, signal } = this.#parts;
    if (this.records > 0 && (await heldFrom(log, signal)) > gap.to) this.lost = merged([...this.lost, gap]);
  }

  /** What had been lost to the log, if it was an export itself, between the records that were taken along. */
  #noteImported(lost: readonly Loss[]): void {
    const isBetween = ({ from, to }: Loss) => from > this.#first && to < this.#last;
    this.lost = merged([...this.lost, ...lost.filter(isBetween)]);
  }

  #digested(text: string): string {
    this.#digest.update(text);
    return text;
  }
}

function isWanted({ subject, bytes, seq }: LogRecord, account: string | undefined): boolean {
  if (account === undefined) return true;
  const entry = readOrExplain(subject, bytes, seq);
  return !('unreadable' in entry) && entry.account === account;
}
