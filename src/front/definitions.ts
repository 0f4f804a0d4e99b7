import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import type { ParameterProblems } from '../../actors/event.ts';
import type { Credentials } from '../accounts/credentials.ts';
import { catalogue } from '../tasks/catalogue.ts';
import type { TaskDefinition } from '../tasks/definition.ts';
import { checkParameters } from '../tasks/parameters.ts';
import { withoutPasswords } from '../tasks/show-url.ts';
import { MIN_CREDENTIAL_LENGTH, type Problem } from './request-error.ts';

/** A task definition as clients send it; past `task_name`, what it takes depends on the task. */
export const SentDefinition = Type.Object(
  {
    task_name: Type.String({ description: 'one of the names that /v1/tasks lists' }),
    task_metas: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'any object up to 4 kB, given back in details and history',
      }),
    ),
  },
  { description: 'A task: its name and its parameters', additionalProperties: true },
);
const checkSent = Compile(SentDefinition);

/** A definition that may be queued; with `refused` it is only put on record. */
export interface CheckedTask {
  readonly definition: TaskDefinition;
  readonly sent: Static<typeof SentDefinition> & Record<string, unknown>;
  readonly metas: Record<string, unknown> | undefined;
  readonly refused: ParameterProblems | undefined;
  /** With their defaults filled in; undefined if they do not fit the task. */
  readonly parameters: Readonly<Record<string, unknown>> | undefined;
}

/** What of a request the check of its definitions needs to know. */
export interface SentBy {
  readonly bodyBytes: number;
  readonly credential: Credential;
}

/** The secret or API key that a request came with. Never log it. */
export type Credential = Pick<Credentials, 'kind' | 'value'>;

const MAX_METAS_BYTES = 4_096;
/** An event must fit into one message of the log, and its result beside it. */
const MAX_DEFINITION_BYTES = 256 * 1024;
/** Names of one definition that are complained of; it may have a hundred thousand. */
const MAX_UNKNOWN = 50;
const SERVICE_NAMES = new Set(['task_name', 'task_metas']);

/**
 * Checks a list of definitions, or one. All that is wrong with the request is added to `problems`; parameters
 * that do not fit their task are not: that task is recorded and ends in error, its neighbours run.
 */
export function checkTasks(
  value: unknown,
  request: SentBy & { readonly maxTasks: number },
  problems: Problem[],
): CheckedTask[] {
  const report = (description: string) => problems.push({ name: 'tasks', location: 'body', description });
  if (value === undefined || value === null) report('tasks is missing');
  else if (typeof value !== 'object') report('tasks must be a task definition or a list of them');
  else if (!Array.isArray(value)) return [checkTask(value, 'tasks', request, problems)].flatMap(onlyGood);
  else if (value.length === 0) report('tasks is empty');
  else if (value.length > request.maxTasks)
    report(`tasks has ${value.length} tasks, the limit is ${request.maxTasks}`);
  else return value.flatMap((task, index) => onlyGood(checkTask(task, `tasks[${index}]`, request, problems)));
  return [];
}

const onlyGood = (task: CheckedTask | undefined): CheckedTask[] => (task ? [task] : []);

/** Checks one definition that stands at `path`; undefined if the request is wrong. */
export function checkTask(
  value: unknown,
  path: string,
  { bodyBytes, credential }: SentBy,
  problems: Problem[],
  location: 'body' | 'query' = 'body',
): CheckedTask | undefined {
  const member = (name: string) => (location === 'query' ? name : `${path}.${name}`);
  const found: Problem[] = [];
  const report = (name: string, description: string) => found.push({ name, location, description });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.push({ name: path, location, description: `${path} must be a task definition, an object` });
    return undefined;
  }
  const sent = value as Record<string, unknown>;
  const definition = checkName(sent.task_name, member('task_name'), report);
  checkServiceNames(sent, member, report);
  if (!checkSent.Check(sent) && found.length === 0) report(path, `${path} is not a task definition`);
  // Before anything looks closer at it.
  if (bodyBytes > MAX_DEFINITION_BYTES && isTooLarge(JSON.stringify(sent))) report(path, tooLarge(path));
  if (!definition || found.length > 0) {
    for (const problem of found) problems.push(problem);
    return undefined;
  }
  const task = withCheckedParameters(definition, sent);
  const description = objectionTo(JSON.stringify({ ...task.sent, task_metas: task.metas }), path, credential);
  if (description === undefined) return task;
  problems.push({ name: path, location, description });
  return undefined;
}

function withCheckedParameters(
  definition: TaskDefinition,
  { task_metas: metas, ...sent }: Record<string, unknown>,
): CheckedTask {
  const { task_name: _, ...parameters } = sent;
  const checked = checkParameters(definition, parameters);
  // A credential that slipped in here is an unknown parameter, and must not reach the log as one. Where no text is a URL,
  // one that looks like one is only a text.
  const isText = checked.ok && definition.sources(checked.value).length === 0;
  const kept = isText ? sent : withoutPasswords(withoutCredentials(sent));
  return {
    definition,
    sent: kept as CheckedTask['sent'],
    metas: metas as CheckedTask['metas'],
    refused: checked.ok ? undefined : checked.problems,
    parameters: checked.ok ? checked.value : undefined,
  };
}

/** Why a definition, given as the JSON that is kept of it, must not reach the log. */
function objectionTo(text: string, path: string, credential: Credential): string | undefined {
  // It may have been sent with less: 1e20 is kept as 21 digits.
  if (isTooLarge(text)) return tooLarge(path);
  // Not where: the name may be what has it.
  if (isBetrayed(text, credential))
    return `${path} has your ${credential.kind}, which everyone who may see the task would read`;
  return undefined;
}

const isTooLarge = (text: string): boolean => Buffer.byteLength(text) > MAX_DEFINITION_BYTES;

const tooLarge = (path: string): string => `${path} is larger than ${MAX_DEFINITION_BYTES / 1024} kB`;

function withoutCredentials(sent: Record<string, unknown>): Record<string, unknown> {
  const { secret: _, api_key: __, ...rest } = sent;
  return rest;
}

/**
 * Whether this credential stands in a definition, given as JSON. A status shows that to whoever has the key, error texts
 * name what does not fit, and all of it is in the log.
 */
function isBetrayed(text: string, { value, kind }: Credential): boolean {
  if (value.length < MIN_CREDENTIAL_LENGTH) return false;
  const credential = JSON.stringify(value).slice(1, -1);
  // An API key may be a word that stands in the address of every picture; what gives it away is a query.
  const betrayal = kind === 'secret' ? credential : `=${credential}`;
  return text.includes(betrayal) || (text.includes('%') && decoded(text).includes(betrayal));
}

/** As far as it is percent-encoded ASCII. */
const decoded = (text: string): string =>
  text.replace(/%([0-7][0-9a-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));

type Report = (name: string, description: string) => void;

function checkName(name: unknown, path: string, report: Report): TaskDefinition | undefined {
  if (name === undefined) report(path, `${path} is missing`);
  else if (typeof name !== 'string') report(path, `${path} must be a string`);
  else {
    const definition = catalogue.get(name);
    if (definition) return definition;
    const choices = [...catalogue.keys()].map((choice) => `'${choice}'`).join(', ');
    report(path, `'${name.slice(0, 100)}' is not a known task, choose one of: ${choices}`);
  }
  return undefined;
}

/** Digits of a number that are kept whatever it is. */
const KEPT_DIGITS = 15;

/** Whether all numbers in it come back as they were sent, as far as that can be told. */
function isKeptExactly(value: unknown): boolean {
  if (typeof value === 'number')
    return Math.abs(value) <= Number.MAX_SAFE_INTEGER || (Number.isFinite(value) && isRound(value));
  return typeof value !== 'object' || value === null || Object.values(value).every(isKeptExactly);
}

const isRound = (value: number): boolean =>
  Math.abs(value)
    .toExponential()
    .replace(/e.*|\./g, '').length <= KEPT_DIGITS;

/** Names that begin with `task_` are the service's own. */
function checkServiceNames(
  sent: Record<string, unknown>,
  member: (name: string) => string,
  report: Report,
): void {
  const unknown = Object.keys(sent).filter((name) => name.startsWith('task_') && !SERVICE_NAMES.has(name));
  for (const name of unknown.slice(0, MAX_UNKNOWN)) {
    const shown = name.slice(0, 100);
    report(member(shown), `'${shown}' is not supported, names that begin with task_ belong to the service`);
  }
  if (unknown.length > MAX_UNKNOWN)
    report(member('…'), `and ${unknown.length - MAX_UNKNOWN} more that are not supported`);
  const metas = sent.task_metas;
  if (metas === undefined) return;
  if (typeof metas !== 'object' || metas === null || Array.isArray(metas))
    report(member('task_metas'), `${member('task_metas')} must be an object`);
  else if (Buffer.byteLength(JSON.stringify(metas)) > MAX_METAS_BYTES)
    report(member('task_metas'), `${member('task_metas')} is larger than 4 kB`);
  else if (!isKeptExactly(metas))
    report(
      member('task_metas'),
      `${member('task_metas')} has a number beyond ${Number.MAX_SAFE_INTEGER}, which would come back as another one: send it as a text`,
    );
}
