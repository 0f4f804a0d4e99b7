/*
 * The door that every npm script goes through: set the machine up, then do what was asked in this process.
 *
 * Why `exec` in package.json, and what signals do (measured with npm 11 and dash 0.5.12, 2026-11):
 * npm runs a script as `sh -c '<script>'` and hands SIGINT and SIGTERM on to that shell. Debian's dash does
 * not replace itself by a single command, so without `exec` it is the shell that SIGTERM ends: the service is
 * left behind as an orphan that never heard of it, and SIGINT is not passed on at all. With `exec` this
 * process is npm's own child, and npm waits for it and ends with its code:
 *   SIGTERM or SIGINT to npm       one of it arrives here
 *   the same to the process group  it arrives twice (from the kernel and from npm, as on Ctrl-C in a
 *                                  terminal): a second signal at once must not be read as impatience
 *   SIGKILL or SIGHUP to npm       npm dies and passes nothing on: signal the group, or this process
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const needed = /\d+(\.\d+)*/.exec(JSON.parse(readFileSync(`${root}package.json`, 'utf8')).engines.node)[0];

// Nothing else is loaded before this check, and nothing here is newer than modules: an old Node gets a
// sentence instead of a syntax error.
if (needed.localeCompare(process.versions.node, 'en', { numeric: true }) > 0) {
  process.stderr.write(`wyvern needs Node ${needed} or newer; this is Node ${process.versions.node}\n`);
  process.exitCode = 1;
} else {
  import('./setup/commands.mjs').then(({ runCommand }) => runCommand(root, process.argv.slice(2)));
}
