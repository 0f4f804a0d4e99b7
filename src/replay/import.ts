import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { ImportOptions, LogImport } from '../log/import.ts';
import { EventRefused, LogFull } from '../log/log.ts';
import { decompressorFor } from './compression.ts';
import {
  decodeLine,
  type ExportEnd,
  type ExportHead,
  MAX_LINE_BYTES,
  parseEnd,
  parseHead,
  parseRecord,
} from './export-format.ts';
import { linesOf } from './file-lines.ts';
import { FileProblem } from './file-problem.ts';

export interface ImportParts {
  /** Rejects with `LogNotEmpty`. */
  readonly begin: (options: ImportOptions) => Promise<LogImport>;
  readonly write: (line: string) => Promise<void>;
  /** Bytes of the file. */
  readonly progress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

/** What has been stored. */
interface Loaded {
  readonly records: number;
  readonly first: number;
  readonly last: number;
}

/**
 * Fills a log that does not exist yet with what an export holds. Either all of the file is in the log in the end, or
 * there is none, as before. Resolves with the exit code; rejects with `FileProblem`, `LogNotEmpty`, `LogUnavailable`
 * or `LogFull`.
 */
export async function importFile(
  parts: ImportParts,
  { file, json }: { readonly file: string; readonly json: boolean },
): Promise<number> {
  const loading = new Loading(parts, file);
  const loaded = await loading.run();
  if (!loaded) return 130;
  const { records, first, last } = loaded;
  const events = records > 0 ? `, events ${first} to ${last}` : '';
  await parts.write(
    json ? JSON.stringify({ ...loaded, file }) : `imported ${records} records${events}, from ${file}`,
  );
  return 0;
}

class Loading {
  readonly #parts: ImportParts;
  readonly #file: string;
  readonly #digest = createHash('sha256');
  #line = 0;
  #head: ExportHead | undefined;
  #end: ExportEnd | undefined;
  #log: LogImport | undefined;
  #records = 0;
  #first = 1;
  #last = 0;

  constructor(parts: ImportParts, file: string) {
    this.#parts = parts;
    this.#file = file;
  }

  /** Undefined if the signal was aborted. */
  async run(): Promise<Loaded | undefined> {
    try {
      await this.#readAll();
      if (!this.#parts.signal.aborted) {
        const log = this.#checkedEnd() ?? (await this.#begin(1));
        await log.finish(this.#end?.lost);
        return { records: this.#records, first: this.#first, last: this.#last };
      }
    } catch (error) {
      await this.#abandon(error);
    }
    await this.#log?.abandon();
    return undefined;
  }

  /** What is there of a log is gone before it is said what was wrong; if it cannot be, it stays marked as unfinished. */
  async #abandon(error: unknown): Promise<never> {
    await this.#log?.abandon().catch(() => {});
    if (error instanceof LogFull)
      throw new LogFull(`${error.message}; raise MAX_LOG_BYTES or MAX_LOG_EVENTS to what the export needs`, {
        cause: error,
      });
    if (error instanceof EventRefused) throw this.#problem(error.message);
    throw FileProblem.of('read', this.#file, error);
  }

  async #readAll(): Promise<void> {
    const { signal, progress } = this.#parts;
    const { size } = await stat(this.#file);
    const source = createReadStream(this.#file, { signal });
    const decompressor = decompressorFor(this.#file);
    if (decompressor) {
      source.on('error', (error) => decompressor.destroy(error));
      source.pipe(decompressor);
    }
    try {
      for await (const line of linesOf(decompressor ?? source, MAX_LINE_BYTES)) {
        this.#line++;
        if (line === undefined) throw this.#problem('is too long to be that of a record');
        await this.#take(line);
        progress(source.bytesRead, size);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      source.destroy();
    }
  }

  async #take(line: Uint8Array): Promise<void> {
    const text = this.#decoded(line);
    if (!this.#head) {
      const head = parseHead(text);
      if (typeof head === 'string') throw new FileProblem(`${this.#file} ${head}`);
      this.#head = head;
    } else if (this.#end) throw this.#problem('comes after the end of the export');
    else {
      this.#end = parseEnd(text);
      if (this.#end) return;
      await this.#store(text);
    }
    this.#digest.update(line).update('\n');
  }

  async #store(text: string): Promise<void> {
    const record = parseRecord(text);
    if (!record) throw this.#problem('is no record as an export has it');
    const { seq } = record;
    if (seq <= this.#last) throw this.#problem(`has the sequence ${seq} after ${this.#last}`);
    const log = this.#log ?? (await this.#begin(seq));
    await log.store(record);
    if (this.#records === 0) this.#first = seq;
    this.#records++;
    this.#last = seq;
  }

  async #begin(first: number): Promise<LogImport> {
    this.#log = await this.#parts.begin({
      first,
      isPart: this.#head?.part ?? false,
      signal: this.#parts.signal,
    });
    return this.#log;
  }

  /** The log that is complete; undefined for an export without a record. */
  #checkedEnd(): LogImport | undefined {
    if (!this.#head) throw new FileProblem(`${this.#file} is not an export of a log: it is empty`);
    if (!this.#end)
      throw new FileProblem(`${this.#file} has been cut off: the line that ends an export is missing`);
    if (this.#end.records !== this.#records || this.#end.sha256 !== this.#digest.digest('hex'))
      throw new FileProblem(
        `${this.#file} is not as it was written: its lines do not fit the SHA-256 in the last one`,
      );
    return this.#log;
  }

  #decoded(line: Uint8Array): string {
    try {
      return decodeLine(line);
    } catch {
      if (!this.#head) throw new FileProblem(`${this.#file} is not an export of a log: it is not text`);
      throw this.#problem('is not UTF-8');
    }
  }

  #problem(what: string): FileProblem {
    return new FileProblem(`line ${this.#line} of ${this.#file} ${what}`);
  }
}
