/** A status as clients get it; more fields may be there. */
export interface SeenStatus {
  readonly status: string;
  readonly key: string;
  readonly result?: unknown;
}

/** Milliseconds since the run began. */
type Instant = number;

/** One request as its client saw it. */
interface Call {
  /** Counts the calls, from 1. */
  readonly call: number;
  /** Which front was asked. */
  readonly front: number;
  readonly account: string;
  readonly askedAt: Instant;
  /** Undefined if the connection broke, or the client lost its patience. */
  readonly answer: Answer | undefined;
}

export interface Answer {
  readonly at: Instant;
  readonly status: number;
  readonly body: unknown;
}

/** A request to create tasks; a feed that creates them makes one of these and a `SeenFeed`. */
export interface SeenCreate extends Call {
  readonly kind: 'create';
  /** Stands in the `task_metas` of each task; what repeats a request repeats it too. */
  readonly request: number;
  readonly tasks: readonly object[];
  readonly block: boolean;
  readonly idempotencyKey: string | undefined;
}

export interface SeenStatuses extends Call {
  readonly kind: 'status' | 'cancel';
  readonly keys: readonly string[];
  readonly block: boolean;
}

export interface SeenFeed extends Call {
  readonly kind: 'feed';
  /** The first line is a list, each of the others one status. */
  readonly lines: readonly { readonly at: Instant; readonly value: unknown }[];
  /** `ended` by the service, `cut` by a fault, `left` by its client. */
  readonly closed: 'ended' | 'cut' | 'left';
  readonly closedAt: Instant;
}

/** The file of a task, as its key leads to it. */
export interface SeenFile extends Call {
  readonly kind: 'file';
  readonly key: string;
  /** Of the bytes that came with a 200. */
  readonly sha256: string | undefined;
}

export type Observation = SeenCreate | SeenStatuses | SeenFeed | SeenFile;

/** One line of an account's history, in the order in which they came. */
export interface ToldEvent {
  readonly seq: number;
  readonly type: string;
  readonly key: string;
}

/** What somebody who followed an account's history from its beginning was told. */
export interface ToldHistory {
  readonly account: string;
  readonly events: readonly ToldEvent[];
}

/** How many tasks of its limit an account could have open at once when all its tasks had ended. */
export interface LimitProbe {
  readonly front: number;
  readonly account: string;
  /** The answer to a request for as many as the limit allows, and for one more. */
  readonly full: number;
  readonly overfull: number;
}

/** A fault as it was done. */
export interface Struck {
  readonly at: Instant;
  readonly until: Instant;
  readonly fault: string;
  readonly target: string;
}

/** The statuses in an answer's body; empty for anything else. */
export const statusesIn = (body: unknown): readonly SeenStatus[] =>
  Array.isArray(body) ? body.filter((item) => typeof item?.key === 'string') : [];
