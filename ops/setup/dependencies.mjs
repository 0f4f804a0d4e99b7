import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './child.mjs';
import { SetupError } from './failure.mjs';
import { hashOf, readIfThere } from './stamp.mjs';

const INSTALL_AT_MOST_MS = 10 * 60_000;
const LOAD_AT_MOST_MS = 60_000;
const STAMP = '.wyvern-stamp';
const FLAGS = [
  '--include=dev',
  '--include=optional',
  // All our packages work without install scripts, and a stranger's script has no business here.
  '--ignore-scripts',
  // Without a network npm asks again for each package; its own patience would take minutes to give up.
  '--fetch-retries=1',
  '--fetch-retry-mintimeout=1000',
  '--fetch-timeout=60000',
  '--no-audit',
  '--no-fund',
  // What could not be written, on a full disk, is a warning to npm, which then ends with 0.
  '--loglevel=warn',
];

/**
 * Names what must be installed: the locked versions, for this kind of Node (native packages differ by all
 * three).
 */
export function dependencyStamp(root) {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return hashOf([
    ['lock', readFileSync(join(root, 'package-lock.json'))],
    ['package', JSON.stringify({ dependencies, devDependencies })],
    ['node', `${process.versions.modules} ${process.platform} ${process.arch}`],
  ]);
}

/**
 * Whether `node_modules` is what the lock file says. The stamp lies inside it, so it goes when the folder
 * goes.
 */
export const areDependenciesFresh = (root) =>
  readIfThere(join(root, 'node_modules', STAMP)) === dependencyStamp(root);

/**
 * Installs the locked dependencies, development ones too (the compiler is one).
 *
 * npm works in a scratch folder and the result is moved into place: `npm ci` in the project would first
 * delete what is there, and be killed half-way with it.
 */
export async function installDependencies({ root, env, scratch }) {
  const stamp = dependencyStamp(root);
  const folder = join(scratch, 'install');
  mkdirSync(folder, { recursive: true });
  for (const file of ['package.json', 'package-lock.json', '.npmrc'])
    if (existsSync(join(root, file))) copyFileSync(join(root, file), join(folder, file));
  const [program, ...first] = npmCommand(env);
  const npm = await run(program, [...first, 'ci', ...FLAGS], {
    cwd: folder,
    env,
    timeoutMs: INSTALL_AT_MOST_MS,
    noteIn: join(scratch, 'children'),
  });
  if (!npm.ok)
    throw new SetupError(
      `npm could not install the dependencies: it ${npm.why}\n${errorsOf(npm.output)}`.trim() +
        adviceFor(npm.output),
    );
  const unwritten = /\bTAR_ENTRY_ERROR (.+)/.exec(npm.output)?.[1];
  if (unwritten !== undefined)
    throw new SetupError(`npm could not write all of the dependencies, which take 500 MB: ${unwritten}`);
  const modules = join(folder, 'node_modules');
  mkdirSync(modules, { recursive: true });
  await checkHttpServer(folder, env);
  writeFileSync(join(modules, STAMP), stamp);
  swapIn(modules, join(root, 'node_modules'), join(scratch, 'old-modules'));
}

/**
 * Of all native packages it is the one that is choosy: no binary for every Node.js, and those for newer ones ask for a newer C
 * library than many a system has. Unsaid here, it would be said by each front that is started, again and again.
 */
async function checkHttpServer(folder, env) {
  const loading = await run(process.execPath, ['--print', "require('uWebSockets.js') && 'loaded'"], {
    cwd: folder,
    env,
    timeoutMs: LOAD_AT_MOST_MS,
  });
  if (loading.ok) return;
  const reason = /^Error: (?!This version)(.+)$/m.exec(loading.output)?.[1] ?? `it ${loading.why}`;
  throw new SetupError(
    `Node.js ${process.versions.node} cannot load uWebSockets.js, the HTTP server, on this system: ${reason}` +
      '\nIt has binaries for Node.js 20, which need glibc 2.27, and for 22, 24 and 25, which need glibc 2.38 (Debian 13, Ubuntu' +
      '\n24.04); for macOS; for no other C library, such as that of Alpine. ops/container/Dockerfile makes an image that fits.',
  );
}

/**
 * Puts a finished folder where an old one may be. A kill between the two renames leaves no folder at all,
 * never a mixed one, and the next set-up makes it again.
 */
export function swapIn(finished, place, old) {
  try {
    renameSync(place, old);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  renameSync(finished, place);
}

const adviceFor = (output) =>
  /EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT/.test(output)
    ? "\nThey come from npm's registry, once. Where that is out of reach: 'npm config set registry' names a mirror," +
      "\n'npm config set proxy' a proxy."
    : '';

// After the reason npm prints how all of its options are spelled, 90 lines of it.
const errorsOf = (text) =>
  text
    .replace(/\n(npm error\n)?npm error (Clean install a project|A complete log).*/s, '')
    .replace(/^npm warn .*\n?/gm, '');

// npm tells its scripts where it lives; started without npm, PATH knows.
const npmCommand = ({ npm_execpath: path }) =>
  path && /npm-cli\.[cm]?js$/.test(path) ? [process.execPath, path] : ['npm'];
