import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './child.mjs';
import { dependencyStamp, swapIn } from './dependencies.mjs';
import { SetupError } from './failure.mjs';
import { filesBelow, hashOf, readIfThere } from './stamp.mjs';

const COMPILE_AT_MOST_MS = 5 * 60_000;
const STAMP = '.wyvern-stamp';

/**
 * Names what `dist` must be made of: the sources and their settings, and the compiler by way of the lock
 * file.
 */
export function buildStamp(root) {
  const sources = ['actors', 'src'].flatMap((folder) =>
    filesBelow(join(root, folder), '').map((file) => `${folder}/${file}`),
  );
  return hashOf([
    ['dependencies', dependencyStamp(root)],
    ...['tsconfig.json', ...sources].map((file) => [file, readFileSync(join(root, file))]),
  ]);
}

/** Whether `dist` was compiled from the sources as they are now. */
export const isBuildFresh = (root) => readIfThere(join(root, 'dist', STAMP)) === buildStamp(root);

/**
 * Compiles into `dist`, by way of a folder beside it that takes its place when it is complete.
 *
 * A service that runs has its code in memory; what it still opens in `dist` are the programs of children
 * that it starts again. Between the two renames `dist` is missing for some microseconds; a child started
 * just then fails, and its supervisor starts it again. It never finds half a build. (A link to the newest
 * build would close that gap, but builds in use would have to be told from old ones before any could be
 * removed.)
 *
 * The folder lies beside `dist`, not in the scratch folder, because source maps hold relative paths.
 */
export async function build({ root, env, scratch, owner }) {
  const stamp = buildStamp(root);
  const fresh = join(root, `.dist.${owner}`);
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [tsc, '-p', join(root, 'tsconfig.json'), '--outDir', fresh];
  const compiler = await run(process.execPath, args, { cwd: root, env, timeoutMs: COMPILE_AT_MOST_MS });
  if (!compiler.ok)
    throw new SetupError(`TypeScript could not compile the sources: it ${compiler.why}\n${compiler.output}`);
  if (!existsSync(fresh)) throw new SetupError('TypeScript found no sources to compile in actors/ and src/');
  writeFileSync(join(fresh, STAMP), stamp);
  swapIn(fresh, join(root, 'dist'), join(scratch, 'old-dist'));
}
