import type { Json, Output, Source } from '../../tasks/definition.ts';

/** What a child is told, over the IPC channel in `advanced` serialization. `task` counts from 1 in each child. */
export interface RunMessage {
  readonly task: number;
  readonly name: string;
  readonly parameters: Record<string, unknown>;
  readonly sources: readonly Source[];
}

/** The answer to an output: the parent has room for another. */
interface TakenMessage {
  readonly task: number;
  readonly taken: true;
}

export type ParentMessage = RunMessage | TakenMessage;

/** An error as it crosses: for our log, never for a client. */
export interface ErrorText {
  readonly message: string;
  readonly stack: string;
}

/** How a task went. `failed` is a `TaskFailure`, with `hungry` a `MemoryFailure`; `broken` is any other error. */
export type Ending =
  | { readonly type: 'done'; readonly result: unknown }
  | {
      readonly type: 'failed';
      readonly message: string;
      readonly passing: boolean;
      readonly hungry: boolean;
      readonly cause: ErrorText | undefined;
    }
  | { readonly type: 'broken'; readonly error: ErrorText };

/** What a child says; with a task's end, how many bytes of private writable memory it holds now. */
export type ChildMessage = { readonly task: number } & (
  | { readonly type: 'progress'; readonly value: Json }
  | { readonly type: 'output'; readonly output: Output }
  | (Ending & { readonly held: number })
);

/** Of whatever was thrown. */
export const toErrorText = (error: unknown): ErrorText =>
  error instanceof Error
    ? { message: error.message, stack: error.stack ?? error.message }
    : { message: String(error), stack: String(error) };

export const fromErrorText = ({ message, stack }: ErrorText): Error =>
  Object.assign(new Error(message), { stack });
