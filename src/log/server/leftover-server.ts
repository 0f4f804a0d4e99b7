import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const STOP_AT_MOST_MS = 3_000;

/**
 * Stops the nats-server that a killed supervisor left behind: two servers on one store would ruin it. `mark`
 * stands in the command line of that server and of no other; `proc` is where Linux shows those.
 */
export async function stopLeftover(pidFile: string, mark: string, proc = '/proc'): Promise<void> {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
  if (!Number.isInteger(pid) || pid <= 1 || !(await isOurs(pid, mark, proc)))
    return rm(pidFile, { force: true });
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    for (let waited = 0; waited < STOP_AT_MOST_MS; waited += 50) {
      if (!(await isOurs(pid, mark, proc))) return;
      await delay(50);
    }
  }
  throw new Error(`a nats-server from an earlier start (process ${pid}) does not stop`);
}

/**
 * True while that process lives and is the one meant; a process number may have been given to another. In doubt it has been:
 * nobody's process is killed for what it might be.
 */
async function isOurs(pid: number, mark: string, proc: string): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return (await commandLineOf(pid, proc)).includes(mark);
}

/** Empty if it cannot be told. */
async function commandLineOf(pid: number, proc: string): Promise<string> {
  try {
    return await readFile(join(proc, String(pid), 'cmdline'), 'utf8');
  } catch {
    // macOS has no /proc; and without -ww its ps may cut off what is long.
    const asked = promisify(execFile)('ps', ['-ww', '-o', 'command=', '-p', String(pid)]);
    return asked.then(
      ({ stdout }) => stdout,
      () => '',
    );
  }
}
