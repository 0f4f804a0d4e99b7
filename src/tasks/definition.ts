import type { Static, TObject, TSchema } from 'typebox';

/** Any value that JSON can carry. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A fetched source: bytes of the outside world, in memory or in a file of the attempt's own. */
export type Source = SourceFacts &
  (
    | { readonly data: Uint8Array; readonly path?: undefined }
    /** Absolute. */
    | { readonly path: string; readonly data?: undefined }
  );

/** What there is to tell of a source without its bytes. */
export interface SourceFacts {
  /** As the client wrote it; error texts name it. */
  readonly url: string;
  /** Size in bytes, as counted while fetching. */
  readonly bytes: number;
  /** As whoever gave it called it, in lower case and without parameters. Nothing may depend on it. */
  readonly contentType?: string | undefined;
}

/** One file that a task makes. `name` and `extension` are of the alphabet `[a-z0-9_-]`, at most 64 characters. */
export interface Output {
  readonly name: string;
  readonly extension: string;
  readonly contentType: string;
  readonly data: Uint8Array;
}

/** What a running task may do to the world where it touches no bytes. */
export interface WorkerContext {
  /** Reports progress: any JSON value; reports may be thinned out, the last one counts. */
  progress(value: Json): void;
  /** Aborted on cancellation, on the deadline and when the worker drains past its grace time. */
  readonly signal: AbortSignal;
}

/** What a running task may do to the world, and all of it. */
export interface RunContext extends WorkerContext {
  /** The sources that the definition named, fetched, in that order. */
  readonly sources: readonly Source[];
  /**
   * Hands over one output; resolves when there is room for the next. It can be had as soon as it is durable, while the
   * task makes others, and is durable before the task is said to be done.
   */
  output(output: Output): Promise<void>;
}

/**
 * What every task says of itself.
 *
 * A definition is loaded by the front too, so a heavy library is imported inside `run`, which throws `TaskFailure` for
 * what the client should read; anything else is a defect of ours.
 */
interface Described<P extends TObject, R extends TSchema> {
  /** The wire's `task_name`: lower-case words joined by dots. */
  readonly name: string;
  /** One sentence for `/v1/tasks` and the API document. */
  readonly description: string;
  /** Parameters as they stand in the definition; `additionalProperties: false`, defaults in the schema. */
  readonly parameters: P;
  /** The values in `result`; outputs stand beside them as URLs. */
  readonly result: R;
  /** False for a task that may take longer than `TASK_TIMEOUT`. */
  readonly hasDeadline: boolean;
}

/** A task that touches no bytes: it runs in the worker itself, has no sources and makes no files. */
interface WorkerTask<P extends TObject, R extends TSchema> extends Described<P, R> {
  readonly runsIn: 'worker';
  run(parameters: Static<P>, context: WorkerContext): Promise<Static<R>>;
}

/**
 * A task that works on bytes: its sources are fetched, it runs in a killable child process, and its files are stored.
 * One whose work is another program's would be a third kind, with phases like this one's.
 */
interface MediaTask<P extends TObject, R extends TSchema> extends Described<P, R> {
  readonly runsIn: 'media';
  /** URLs to fetch before `run`. */
  sources(parameters: Static<P>): readonly string[];
  /** Names of the files that the task makes with these parameters, which may be missing; empty for none. */
  files(parameters: Partial<Static<P>>): readonly string[];
  /** Whether these parameters alone keep a decoder busy for seconds rather than for tens of milliseconds. */
  isSlow?(parameters: Static<P>): boolean;
  run(parameters: Static<P>, context: RunContext): Promise<Static<R>>;
}

const NO_BYTES = { sources: (_: unknown): string[] => [], files: (_: unknown): string[] => [] };

export type WorkerDefinition = WorkerTask<TObject, TSchema> & typeof NO_BYTES;
export type MediaDefinition = MediaTask<TObject, TSchema>;

/** A task that Wyvern knows: one file that says what it takes, what it gives, and where and how it runs. */
export type TaskDefinition = WorkerDefinition | MediaDefinition;

/** Keeps the schemas' types for the definition's own functions, and hands out the plain shape. */
export const defineTask = <P extends TObject, R extends TSchema>(
  definition: WorkerTask<P, R> | MediaTask<P, R>,
): TaskDefinition => ({ ...NO_BYTES, ...definition }) as unknown as TaskDefinition;
