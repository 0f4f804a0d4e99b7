import type { StoredEvent } from '../log/envelope.ts';
import type { Position } from '../log/position.ts';
import type { TaskState } from '../projection/state.ts';
import type { CheckedTask } from './definitions.ts';
import type { FrontParts } from './front-parts.ts';
import { checkHeld, hold } from './held-answers.ts';
import type { Asker } from './keys.ts';
import { type KnownTask, readPast } from './past.ts';
import { invalid } from './request-error.ts';
import type { StatusView } from './status-view.ts';
import { type WaitReason, waitReason } from './wait-reason.ts';

/** Eight times what a request may bring, unless `MAX_BODY` says otherwise. */
const MAX_MIB = 64;

/**
 * Grows to 64 MiB and no further: who asks needs no credentials, and may name one task of 256 kB a thousand times, of
 * which the front would hold several copies. Without details nothing in a status has more than some 60 kB.
 */
class DetailedList {
  readonly #asker: Asker;
  readonly #texts: string[] = [];
  readonly #held: (() => void)[] = [];
  #bytes = 0;
  #isOver = false;

  constructor(asker: Asker) {
    this.#asker = asker;
  }

  /** What `fill` adds to a list. */
  static async of(asker: Asker, fill: (list: DetailedList) => Promise<void>): Promise<string> {
    const list = new DetailedList(asker);
    try {
      await fill(list);
      return `[${list.#texts.join(',')}]`;
    } finally {
      list.#isOver = true;
      for (const letGo of list.#held) letGo();
    }
  }

  /**
   * Adds one status, as JSON. Throws a 400 `RequestError` if that is too much, a 503 if it is together with others, and
   * `ClientLeft`.
   */
  add(text: string): void {
    // Of several that are read at once, one was too much.
    if (this.#isOver) return;
    this.keepRoom(Buffer.byteLength(text));
    this.addKept(text);
  }

  /** Throws what `add` would throw for a status of so many bytes, and counts them where it does not. */
  keepRoom(bytes: number): void {
    const { exchange, location } = this.#asker;
    exchange?.expectClient();
    this.#bytes += bytes;
    this.#held.push(hold(bytes));
    if (this.#bytes > MAX_MIB * 1024 * 1024) {
      const description = `the answer would be larger than ${MAX_MIB} MiB, ask for fewer tasks at a time`;
      throw invalid(location, 'tasks', description);
    }
    checkHeld(this.#bytes, location);
  }

  /** Adds one for which room has been kept. */
  addKept(text: string): void {
    this.#texts.push(text);
  }
}

/**
 * Statuses with the definition, the number of attempts, the metas and what a task waits for. A task is read once, however
 * often it stands there. Rejects with a 400 `RequestError` if they are too large for one answer, with a 503 while too much
 * is held for others, with `ClientLeft`.
 */
export async function withDetails(
  parts: FrontParts,
  asker: Asker,
  states: readonly TaskState[],
): Promise<string> {
  const known = new Map<string, string>();
  return DetailedList.of(asker, async (list) => {
    for (const state of states) {
      const text = known.get(state.key) ?? (await readDetailed(parts, state));
      known.set(state.key, text);
      list.add(text);
    }
  });
}

/**
 * The same of tasks that `end` ends, and resolves with as they are then. All that can keep them from being told is met before
 * that: who heard that nothing can be answered now would take them for open.
 */
export async function endedWithDetails(
  { log, view }: Pick<FrontParts, 'log' | 'view'>,
  asker: Asker,
  states: readonly TaskState[],
  end: () => Promise<readonly TaskState[]>,
): Promise<string> {
  const births = new Map<string, Birth | undefined>();
  const textOf = (state: TaskState) => withBirth(view.json(state), births.get(state.key), state.attempt);
  return DetailedList.of(asker, async (list) => {
    for (const state of states) {
      const { key } = state;
      if (!births.has(key)) births.set(key, birthOf(await log.history(key)));
      list.keepRoom(Buffer.byteLength(textOf(state)));
    }
    for (const state of await end()) list.addKept(textOf(state));
  });
}

/** Of the history, which may have a megabyte, nothing is held on to but the text. */
async function readDetailed(parts: FrontParts, state: TaskState): Promise<string> {
  const task = { state, history: await parts.log.history(state.key) };
  return detailedStatus(parts.view, task, waitReason(task, parts, Date.now()));
}

/**
 * The same of tasks that have just been created, without a look into the log: who was told that it is out of reach would
 * create them again.
 */
export function withSent(
  view: StatusView,
  states: readonly TaskState[],
  tasks: readonly CheckedTask[],
): string {
  const texts = states.map((state, index) => {
    const { sent, metas } = tasks[index] as CheckedTask;
    return withMembers(view.json(state), { task: sent, attempts: state.attempt, task_metas: metas ?? {} });
  });
  return `[${texts.join(',')}]`;
}

const withMembers = (status: string, members: object): string =>
  `${status.slice(0, -1)},${JSON.stringify(members).slice(1)}`;

/** Statuses of the past with their details. Rejects as `withDetails` and `readPast` do. */
export async function pastWithDetails(
  { log, view }: Pick<FrontParts, 'log' | 'view'>,
  asker: Asker,
  keys: readonly string[],
  position: Position,
): Promise<string> {
  let texts: string[] = [];
  await DetailedList.of(asker, async (distinct) => {
    texts = await readPast(log, keys, position, asker.location, (task) => {
      const text = detailedStatus(view, task);
      distinct.add(text);
      return text;
    });
  });
  return DetailedList.of(asker, async (list) => {
    for (const text of texts) list.add(text);
  });
}

function detailedStatus(view: StatusView, { state, history }: KnownTask, waiting?: WaitReason): string {
  const text = withBirth(view.json(state), birthOf(history), state.attempt);
  return waiting ? withMembers(text, { waiting }) : text;
}

/** What a task was made with, as JSON. */
interface Birth {
  readonly task: string;
  readonly metas: string;
}

/** Undefined where the log has let go of it. */
function birthOf([queued]: readonly StoredEvent[]): Birth | undefined {
  if (queued?.event.type !== 'queued') return undefined;
  const { task, task_metas = {} } = queued.event;
  return { task: JSON.stringify(task), metas: JSON.stringify(task_metas) };
}

const withBirth = (status: string, birth: Birth | undefined, attempts: number): string =>
  birth
    ? `${status.slice(0, -1)},"task":${birth.task},"attempts":${attempts},"task_metas":${birth.metas}}`
    : withMembers(status, { attempts });
