import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Json, Output, TaskDefinition } from '../../src/tasks/definition.ts';
import { checkParameters } from '../../src/tasks/parameters.ts';
import { temporaryFolder } from './folder.ts';
import { decoded, type Picture } from './picture.ts';

export interface Ran<T> {
  readonly result: T;
  readonly outputs: readonly Output[];
  readonly progress: readonly Json[];
}

/** The URL under which `runOn` gives a task its bytes. */
export const SOURCE_URL = 'http://example.com/source';

/** Runs a definition in this process, on bytes in memory as its only source; the parameters lack their `url`. */
export async function runOn<T>(
  definition: TaskDefinition,
  bytes: Uint8Array,
  parameters: Record<string, unknown> = {},
): Promise<Ran<T>> {
  return await run<T>(definition, [{ data: bytes, bytes: bytes.byteLength }], {
    url: SOURCE_URL,
    ...parameters,
  });
}

/** The same on several sources, in files, whose URLs, `SOURCE_URL/0` and so on, stand in the parameter called `name`. */
export async function runOnAll<T>(
  definition: TaskDefinition,
  name: string,
  files: readonly Uint8Array[],
  parameters: Record<string, unknown> = {},
): Promise<Ran<T>> {
  await using folder = await temporaryFolder();
  const paths = files.map((_, index) => join(folder.path, String(index)));
  await Promise.all(paths.map((path, index) => writeFile(path, files[index] ?? '')));
  const urls = paths.map((_, index) => `${SOURCE_URL}/${index}`);
  const places = await Promise.all(paths.map(inFile));
  return await run<T>(definition, places, { [name]: urls, ...parameters });
}

export const runFile = async <T>(
  definition: TaskDefinition,
  path: string,
  parameters: Record<string, unknown> = {},
): Promise<Ran<T>> => run<T>(definition, [await inFile(path)], { url: SOURCE_URL, ...parameters });

type Place = { readonly bytes: number } & ({ readonly data: Uint8Array } | { readonly path: string });

const inFile = async (path: string): Promise<Place> => ({ path, bytes: (await stat(path)).size });

/** The output of a task that has made one, and no other. */
export function onlyOutput({ outputs }: Pick<Ran<unknown>, 'outputs'>): Output {
  const [output] = outputs;
  if (!output || outputs.length > 1) throw new Error(`made ${outputs.length} outputs`);
  return output;
}

/** The image that a task has made. */
export const shownBy = (ran: Pick<Ran<unknown>, 'outputs'>): Promise<Picture> =>
  decoded(onlyOutput(ran).data);

async function run<T>(
  definition: TaskDefinition,
  places: readonly Place[],
  parameters: Record<string, unknown>,
): Promise<Ran<T>> {
  const checked = checkParameters(definition, parameters);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  const outputs: Output[] = [];
  const progress: Json[] = [];
  const urls = definition.sources(checked.value);
  const result = await definition.run(checked.value, {
    sources: places.map((place, index) => ({ url: urls[index] ?? '', ...place })),
    output: async (output) => void outputs.push(output),
    progress: (value) => void progress.push(value),
    signal: new AbortController().signal,
  });
  return { result: result as T, outputs, progress };
}
