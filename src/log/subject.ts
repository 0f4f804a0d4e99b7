import { createHash } from 'node:crypto';
import type { TaskEvent, TaskEventType } from '../../actors/event.ts';
import { isKey, KEY_PATTERN } from './key.ts';

/**
 * ```
 * task.queued.<name>.<key>.0
 * task.started.<name>.<key>.<attempt>
 * task.progress.<name>.<key>.<attempt>
 * task.retried.<name>.<key>.<attempt>
 * task.done.<name>.<key>.0             completed, failed or canceled
 * ```
 * Five tokens always, the event first: a worker's filter is a prefix, a history is `task.*.*.<key>.*`.
 * All but progress are stored only where nothing is stored yet, so the subjects are the state machine:
 * one submit, one start an attempt, one end.
 *
 * Beside the events lie the records on which creates depend, which are no task's and fold into nothing:
 * ```
 * turn.<account>            the last create of an account with limits
 * request.<account>.<key>   a create that its client named with an Idempotency-Key
 * ```
 * Accounts and names of requests stand there as digests: they are texts of any kind.
 */
export const SUBJECTS = ['task.>', 'turn.*', 'request.*.*'];

const NAME = /^[a-z0-9_]+(\.[a-z0-9_]+)*$/;

const KIND: Readonly<Record<TaskEvent['type'], string>> = {
  queued: 'queued',
  started: 'started',
  progress: 'progress',
  retried: 'retried',
  completed: 'done',
  failed: 'done',
  canceled: 'done',
};

/** `image.thumb` → `image-thumb`. Throws on what is not a task name: it must never become a subject. */
export function encodeName(name: string): string {
  if (name.length > 64 || !NAME.test(name)) throw new Error('not a task name');
  return name.replaceAll('.', '-');
}

export const decodeName = (token: string): string => token.replaceAll('-', '.');

export function subjectOf(name: string, key: string, event: TaskEvent): string {
  if (!isKey(key)) throw new Error('not a task key');
  const kind = KIND[event.type];
  const attempt = kind === 'queued' || kind === 'done' ? 0 : (event as { attempt: number }).attempt;
  return `task.${kind}.${encodeName(name)}.${key}.${attempt}`;
}

export function doneSubject(name: string, key: string): string {
  if (!isKey(key)) throw new Error('not a task key');
  return `task.done.${encodeName(name)}.${key}.0`;
}

export const historySubject = (key: string): string => {
  if (!isKey(key)) throw new Error('not a task key');
  return `task.*.*.${key}.*`;
};

/** Subjects of all events of these tasks and types, and perhaps of more; none stands for everything. */
export function readFilters(
  keys: readonly string[] | undefined,
  types: readonly TaskEventType[] | undefined,
): readonly string[] {
  // A task's events are few: those of the wrong types cost less than a filter for each kind of each task.
  if (keys) return [...new Set(keys)].map(historySubject);
  return types ? [...new Set(types.map((type) => KIND[type]))].map((kind) => `task.${kind}.>`) : [];
}

export const turnSubject = (account: string): string => `turn.${digest(account)}`;

export const requestSubject = (account: string, idempotencyKey: string): string =>
  `request.${digest(account)}.${digest(idempotencyKey)}`;

export const isRequestSubject = (subject: string): boolean => subject.startsWith('request.');

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

/** Whether the log can hold a record there: nothing else may be published because a file says so. */
export const isLogSubject = (subject: string): boolean =>
  /^(?:task\.|turn\.|request\.[^\s.]+\.)/.test(subject) &&
  /^[^\s.*>]+(?:\.[^\s.*>]+)+$/.test(subject) &&
  subject.length <= 500;

/** Of progress alone an attempt may have more than one event, all at one subject. */
export const isProgressSubject = (subject: string): boolean => subject.startsWith('task.progress.');

/** False for the records on which creates depend. */
export const isEventSubject = (subject: string): boolean => !/^(turn|request)\./.test(subject);

/** What a task's life begins and ends with. */
export function outlineSubjects(key: string): readonly string[] {
  if (!isKey(key)) throw new Error('not a task key');
  return [`task.queued.*.${key}.*`, `task.done.*.${key}.*`];
}

export const queuedFilter = (name: string): string => `task.queued.${encodeName(name)}.*.*`;

/** The task name in the subject of a queued event, also where the rest of the subject is wrong. */
export const queuedName = (subject: string): string => decodeName(subject.split('.')[2] ?? '');

/** The task that is queued by what is stored there, if one is. */
export const queuedAt = (subject: string): TaskRef | undefined =>
  subject.startsWith('task.queued.') ? parseSubject(subject) : undefined;

const SUBJECT = new RegExp(`^task\\.[^.]+\\.([^.]+)\\.(${KEY_PATTERN})\\.[^.]+$`);

/** What a task's subjects are made of. */
export interface TaskRef {
  readonly name: string;
  readonly key: string;
}

/** Undefined for a subject that is not one of ours. */
export function parseSubject(subject: string): TaskRef | undefined {
  const [, name, key] = SUBJECT.exec(subject) ?? [];
  return name !== undefined && key !== undefined ? { name: decodeName(name), key } : undefined;
}
