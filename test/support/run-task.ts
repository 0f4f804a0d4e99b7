import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json, Output, TaskDefinition } from '../../src/tasks/definition.ts';
import { checkParameters } from '../../src/tasks/parameters.ts';

export interface Ran<T> {
  readonly result: T;
  readonly outputs: readonly Output[];
  readonly progress: readonly Json[];
}

/** The URL under which `runOn` gives a task its bytes. */
export const SOURCE_URL = 'http://example.com/source';

/** Runs a definition in this process, on bytes as its only source; the parameters lack their `url`. */
export async function runOn<T>(
  definition: TaskDefinition,
  bytes: Uint8Array,
  parameters: Record<string, unknown> = {},
): Promise<Ran<T>> {
  const folder = await mkdtemp(join(tmpdir(), 'wyvern-task-'));
  try {
    const path = join(folder, 'source');
    await writeFile(path, bytes);
    return await runFile<T>(definition, path, parameters);
  } finally {
    await rm(folder, { recursive: true });
  }
}

export async function runFile<T>(
  definition: TaskDefinition,
  path: string,
  parameters: Record<string, unknown> = {},
): Promise<Ran<T>> {
  const checked = checkParameters(definition, { url: SOURCE_URL, ...parameters });
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  const outputs: Output[] = [];
  const progress: Json[] = [];
  const { size } = await stat(path);
  const result = await definition.run(checked.value, {
    sources: [{ url: SOURCE_URL, path, bytes: size }],
    output: async (output) => void outputs.push(output),
    progress: (value) => void progress.push(value),
    signal: new AbortController().signal,
  });
  return { result: result as T, outputs, progress };
}
