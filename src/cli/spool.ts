import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../make-folder.ts';

/**
 * A folder under `root` for the sources of this worker, whose host is named `host`. What workers that died on this
 * host left behind is removed; those of other hosts may share `root`, and only they know who of them is alive.
 */
export async function openSpool(root: string, host: string): Promise<string> {
  await makeFolder(root);
  for (const name of await readdir(root)) {
    const pid = pidOf(name, host);
    if (pid !== undefined && !isAlive(pid)) await rm(join(root, name), { recursive: true, force: true });
  }
  const own = join(root, `${host}-${process.pid}`);
  await makeFolder(own);
  return own;
}

/** Undefined for a folder that is not this host's: `vm-2-4242` is of `vm-2`, though it begins like those of `vm`. */
function pidOf(name: string, host: string): number | undefined {
  const rest = name.startsWith(`${host}-`) ? name.slice(host.length + 1) : '';
  return /^\d+$/.test(rest) ? Number(rest) : undefined;
}

function isAlive(pid: number): boolean {
  try {
    return pid !== process.pid && process.kill(pid, 0);
  } catch (error) {
    // Another user's, but alive.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
