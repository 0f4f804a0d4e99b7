import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { newOwner } from './owner.mjs';

const PIPES_CLOSE_WITHIN_MS = 1_000;

const running = new Set();

/**
 * Runs a program and resolves to `{ ok, output, why }`; it never rejects. `output` is what it printed on
 * both channels, `why` says how it failed. A program that outlives `timeoutMs` is killed. With `noteIn` its
 * name is left in that folder, for whoever must end it should this process be killed.
 */
export function run(program, args, { cwd, env, timeoutMs, noteIn }) {
  return new Promise((settle) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let overdue = false;
    const timer = setTimeout(() => {
      overdue = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    const end = (why) => {
      clearTimeout(timer);
      running.delete(child);
      settle({ ok: why === undefined, output: output.trim(), why });
    };
    running.add(child);
    if (noteIn && child.pid) note(noteIn, child.pid);
    for (const channel of [child.stdout, child.stderr])
      channel.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    child.on('error', (error) => end(`could not be started: ${error.code ?? error.message}`));
    child.on('exit', (code, signal) => {
      const failed = code === 0 ? undefined : `ended with ${signal ?? `code ${code}`}`;
      const why = overdue ? `gave no result within ${timeoutMs / 1_000} s` : failed;
      // 'close' comes once all output was read; a grandchild that keeps the pipe open must not keep us for
      // ever.
      child.on('close', () => end(why));
      setTimeout(end, PIPES_CLOSE_WITHIN_MS, why).unref();
    });
  });
}

function note(folder, pid) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, newOwner(pid)), '');
}

/**
 * Ends whatever `run` has under way. What they were writing has a temporary name, so nothing half-done
 * remains.
 */
export function endChildren() {
  for (const child of running) child.kill('SIGTERM');
}

/** Every executable file of that name on PATH, first one first. */
export function findOnPath(name, env) {
  return (env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => resolve(folder, name))
    .filter(isExecutable);
}

/** Whether this is a file that we may execute. */
export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
