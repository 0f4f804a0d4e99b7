import { isEnded, type TaskState } from '../projection/state.ts';

/** Watchers are told of a change one after the other, so the last few suffice; a `WeakMap` kept all that are in memory. */
const KEPT = 64;

interface Written {
  readonly state: TaskState;
  readonly text: string;
}

/** Statuses as clients see them. A status is written once and shared by everyone who asks for it or watches it. */
export class StatusView {
  readonly #publicUrl: string;
  readonly #written: (Written | undefined)[] = Array.from({ length: KEPT });

  constructor(publicUrl: string) {
    this.#publicUrl = publicUrl;
  }

  /** One status as JSON. */
  json(state: TaskState): string {
    const slot = state.seq % KEPT;
    const known = this.#written[slot];
    if (known?.state === state) return known.text;
    const text = JSON.stringify(this.#status(state));
    this.#written[slot] = { state, text };
    return text;
  }

  list(states: readonly TaskState[]): string {
    return `[${states.map((state) => this.json(state)).join(',')}]`;
  }

  /** The status that an ended task had while its last attempt ran; undefined if none ever did. */
  executing(state: TaskState): string | undefined {
    if (state.started === undefined) return undefined;
    return this.json({ ...state, status: 'executing', completed: undefined, result: undefined, outputs: [] });
  }

  /** Where clients find an output. */
  outputUrl(key: string, file: string): string {
    return `${this.#publicUrl}/files/${key}/${file}`;
  }

  /** What is undefined is left out of the JSON. */
  #status(state: TaskState): object {
    const { status, key, progress, queued, started, completed } = state;
    const result = isEnded(state) || state.outputs.length > 0 ? this.#result(state) : undefined;
    return { status, key, progress, events: { queued, started, completed }, result };
  }

  /** The task's values with its files' URLs flat beside them; while it executes, the URLs that there are. */
  #result({ key, result, outputs }: TaskState): unknown {
    if (outputs.length === 0) return result;
    const urls = outputs.map(({ name, file }) => [name, this.outputUrl(key, file)]);
    return { ...(result as object | undefined), ...Object.fromEntries(urls) };
  }
}
