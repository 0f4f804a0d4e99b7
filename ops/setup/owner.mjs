import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A name for a process, a set-up as a rule, that also tells others whether it still lives: `<pid>.<when it
 * started>.<random>`. The start time is there because pids are used again, after a reboot soonest of all.
 */
export const newOwner = (pid = process.pid) =>
  `${pid}.${startOf(pid) ?? 'unknown'}.${randomBytes(4).toString('hex')}`;

/** Whether the process behind an owner's name still runs. In doubt it does. */
export function isAlive(owner) {
  const [pid, start] = owner.split('.');
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if (error.code === 'ESRCH') return false;
  }
  const now = startOf(Number(pid));
  return start === 'unknown' || now === start;
}

/** Kills the process behind an owner's name, if it still runs, and resolves when it is gone. */
export async function endOwner(owner) {
  // Without its start time it might be anybody.
  if (owner.split('.')[1] === 'unknown') return;
  while (isAlive(owner)) {
    try {
      process.kill(Number(owner.split('.')[0]), 'SIGKILL');
    } catch {
      return; // gone in the meantime, or somebody else's and not ours to end
    }
    await sleep(10);
  }
}

function startOf(pid) {
  if (process.platform === 'linux') {
    try {
      // The second field is the program's name in brackets and may hold anything, so count from its end.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
      // A killed process whose parent never asks for its code (no init in a container) stays for ever as
      // 'Z'.
      return fields[0] === 'Z' ? undefined : fields[19];
    } catch {
      return undefined;
    }
  }
  try {
    const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], options).replace(/\W/g, '') || undefined;
  } catch {
    return undefined;
  }
}
