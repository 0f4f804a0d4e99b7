import type { Json, Output, Source, SourceFacts } from '../tasks/definition.ts';

/** What a piece of work tells while it runs. */
export interface Listener {
  onProgress(value: Json): void;
  /** Resolves when the next output may come; rejects when this listener has no use for another. */
  onOutput(output: Output): Promise<void>;
}

/** A piece of work, step by step. Each step is done once, under one signal: nobody wants the work any more. */
export interface Steps<Decoder> {
  fetch(signal: AbortSignal): Promise<readonly Source[]>;
  waitForDecoder(sources: readonly Source[], signal: AbortSignal): Promise<Decoder>;
  /** Gives the decoder back, however it ends. */
  run(
    decoder: Decoder,
    sources: readonly Source[],
    listener: Listener,
    signal: AbortSignal,
  ): Promise<unknown>;
  /** Called once, when no step is under way any more. */
  cleanUp(): Promise<void>;
}

/** How far a piece of work has come. The promises settle for all who take part, at once. */
export interface Stages {
  readonly fetched: Promise<readonly SourceFacts[]>;
  readonly gotDecoder: Promise<void>;
  /** Gives the work's result. */
  readonly ran: Promise<unknown>;
}

/** One attempt's part in a piece of work. */
export interface Share extends Stages {
  /** Milliseconds for which others had been at it when this attempt joined; 0 if it is over. */
  readonly ageMs: number;
  /** May be called again. The last one that leaves ends the work, and waits until nothing is left of it. */
  leave(): Promise<void>;
}
