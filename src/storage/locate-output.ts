import type { StoredOutput } from '../../actors/event.ts';
import { isKey } from '../log/key.ts';
import { isEnded, type TaskState } from '../projection/state.ts';
import { sampleType } from './sample.ts';
import { isOutputPath, type OutputPath } from './storage.ts';

/** What a path under `/files/` names. */
export interface LocatedOutput {
  readonly path: OutputPath;
  readonly contentType: string;
  /** Tells its bytes from any others under the same path. */
  readonly tag: string;
  /** False while another attempt may still put another file in its place. */
  readonly isFinal: boolean;
}

export const outputOf = ({ outputs }: TaskState, file: string): StoredOutput | undefined =>
  outputs.find((output) => output.file === file);

/**
 * Finds the output that `{key}/{file}` names: of the attempt that won, or, before there is one, of the attempt that runs;
 * or a sample picture. `read` gives the task's state. Undefined if there is none. Paths are taken as they are written:
 * nothing in the name of an output needs percent-encoding.
 */
export async function locateOutput(
  path: string,
  read: (key: string, file: string) => Promise<TaskState | undefined>,
): Promise<LocatedOutput | undefined> {
  const [key = '', file = '', ...more] = path.split('/');
  if (more.length > 0) return undefined;
  if (key === 'sample') return sampleAt(file);
  const state = isKey(key) ? await read(key, file) : undefined;
  const output = state && outputOf(state, file);
  if (!output) return undefined;
  const { attempt, content_type: contentType, sha256: tag } = output;
  return { path: { key, attempt, file }, contentType, tag, isFinal: isEnded(state) };
}

function sampleAt(file: string): LocatedOutput | undefined {
  const path = { key: 'sample', attempt: 0, file };
  const contentType = sampleType(file);
  return contentType && isOutputPath(path)
    ? { path, contentType, tag: `sample-${file}`, isFinal: true }
    : undefined;
}
