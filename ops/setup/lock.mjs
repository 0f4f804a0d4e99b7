import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SetupError } from './failure.mjs';
import { isAlive } from './owner.mjs';

const POLL_MS = 50;
const SAY_AFTER_MS = 1_000;
const WAIT_AT_MOST_MS = 10 * 60_000;

/**
 * Does `work` while no other process does work under the same folder, and survives owners that were killed.
 *
 * It is a bakery, not one lock file: taking a dead owner's lock file away is a race that two can win (both
 * see it dead, one removes it and locks, the other removes that new lock). Here each has a file of its own,
 * `<ticket>.<owner>`: drawn as ticket 0, then renamed to one more than the highest there is. Whoever has
 * the lowest name is in. A ticket 0 (still choosing) is lower than all, so nobody passes one who may yet
 * turn out to be earlier. A dead owner's file is removed by whoever sees it; its name is never used again,
 * so nothing that lives can be removed with it.
 */
export async function underLock(folder, owner, say, work) {
  mkdirSync(folder, { recursive: true });
  const file = drawTicket(folder, owner);
  try {
    await waitForTurn(folder, file, say);
    return await work();
  } finally {
    rmSync(join(folder, file), { force: true });
  }
}

function drawTicket(folder, owner) {
  const choosing = `0.${owner}`;
  writeFileSync(join(folder, choosing), '');
  const highest = Math.max(...readdirSync(folder).map(ticketOf));
  const file = `${highest + 1}.${owner}`;
  renameSync(join(folder, choosing), join(folder, file));
  return file;
}

async function waitForTurn(folder, file, say) {
  const since = Date.now();
  let said = false;
  for (;;) {
    const before = livingBefore(folder, file);
    if (before === undefined) return;
    const waitedMs = Date.now() - since;
    if (!said && waitedMs > SAY_AFTER_MS) {
      said = true;
      say(`waiting for another set-up (process ${pidOf(before)})`);
    }
    if (waitedMs > WAIT_AT_MOST_MS)
      throw new SetupError(
        `another set-up (process ${pidOf(before)}) has not ended for 10 minutes: end it, or remove ${folder}`,
      );
    await sleep(POLL_MS);
  }
}

function livingBefore(folder, file) {
  for (const other of readdirSync(folder)) {
    if (other === file) continue;
    if (!isAlive(ownerOf(other))) rmSync(join(folder, other), { force: true });
    else if (ticketOf(other) < ticketOf(file) || (ticketOf(other) === ticketOf(file) && other < file))
      return other;
  }
  return undefined;
}

const ticketOf = (file) => Number.parseInt(file, 10);
const ownerOf = (file) => file.slice(file.indexOf('.') + 1);
const pidOf = (file) => file.split('.')[1];
