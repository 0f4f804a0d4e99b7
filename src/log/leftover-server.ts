import { readFile, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const STOP_AT_MOST_MS = 3_000;

/**
 * Stops the nats-server that a killed supervisor left behind: two servers on one store would ruin it. `mark`
 * stands in the command line of that server and of no other.
 */
export async function stopLeftover(pidFile: string, mark: string): Promise<void> {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
  if (!Number.isInteger(pid) || pid <= 1 || !(await isOurs(pid, mark))) return rm(pidFile, { force: true });
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    for (let waited = 0; waited < STOP_AT_MOST_MS; waited += 50) {
      if (!(await isOurs(pid, mark))) return;
      await delay(50);
    }
  }
  throw new Error(`a nats-server from an earlier start (process ${pid}) does not stop`);
}

/** True while that process lives and is the one meant; a process number may have been given to another. */
async function isOurs(pid: number, mark: string): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  return commandLine === undefined || commandLine.includes(mark);
}
