import type { StoredOutput } from '../../../actors/event.ts';
import { isEnded, type TaskState } from '../../projection/state.ts';
import { catalogue } from '../../tasks/catalogue.ts';
import type { Exchange, Headers } from '../exchange.ts';
import type { FrontParts } from '../front-parts.ts';
import { readKey, unknownTask } from '../keys.ts';
import { parseQuery, readFilename } from '../query.ts';
import { type Problem, RequestError, withoutCredential } from '../request-error.ts';
import { untilEach } from '../waiting.ts';

/** `GET /v1/file/{filename}?task=KEY`: waits for a file of a task that exists and redirects to it. */
export async function file(parts: FrontParts, exchange: Exchange, segment: string): Promise<void> {
  const query = parseQuery(exchange.head.query);
  const problems: Problem[] = [];
  const filename = readFilename(segment, problems);
  const key = readKey(query, problems);
  if (problems.length > 0) throw new RequestError(400, problems);
  const state = await parts.projection.read(key);
  if (!state) throw new RequestError(404, [unknownTask(key)]);
  answerFile(parts, exchange, filename, await untilFile(parts, exchange, filename, state));
}

/** The file may be there before the task has ended, if that makes several. */
export async function untilFile(
  parts: FrontParts,
  exchange: Exchange,
  filename: string,
  task: TaskState,
): Promise<TaskState> {
  const isEnough = (state: TaskState) => isEnded(state) || findFile(state, filename) !== undefined;
  const [state] = (await untilEach(isEnough, parts.projection, [task], { exchange })) as [TaskState];
  return state;
}

/** Redirects to the file of a task, or says why there is none. */
export function answerFile(
  parts: FrontParts,
  exchange: Exchange,
  filename: string,
  state: TaskState,
  headers: Headers = {},
): void {
  if (state.status === 'error') return exchange.json(400, parts.view.json(state));
  const choice = chooseFile(state, filename);
  if ('message' in choice)
    return exchange.json(
      404,
      JSON.stringify({ status: 'error', message: withoutCredential(choice.message, exchange.credential) }),
    );
  exchange.redirect(parts.view.outputUrl(state.key, choice.file), headers);
}

/** The file of a task that has ended, or what is wrong with its name. */
export function chooseFile(
  state: TaskState,
  filename: string,
): { readonly file: string } | { readonly message: string } {
  const file = findFile(state, filename);
  if (file) return file;
  const { outputs, name } = state;
  if (outputs.length === 0) return { message: `the task '${name}' made no file` };
  const choices = outputs.map((output) => `'${output.name}'`).join(', ');
  if (filename === '') return { message: `a filename is missing, choose one of: ${choices}` };
  return { message: `'${filename.slice(0, 200)}' is not a valid filename, choose one of: ${choices}` };
}

/** A task with one file serves it under any name; of several, the name decides, with or without an extension. */
function findFile(state: TaskState, filename: string): StoredOutput | undefined {
  const { outputs, name } = state;
  const stem = filename.replace(/\.[^./]*$/, '');
  const named =
    outputs.find((output) => output.name === filename) ?? outputs.find((output) => output.name === stem);
  if (named) return named;
  const hasOnlyOne = isEnded(state) ? outputs.length === 1 : catalogue.get(name)?.files({}).length === 1;
  return hasOnlyOne ? outputs[0] : undefined;
}
