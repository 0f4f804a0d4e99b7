import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Service } from '../support/service.ts';

const run = promisify(execFile);

/** What was seen of a service while something went on. */
export interface Footprint {
  /** Answers of `/healthz`, 0 for none. */
  readonly health: readonly number[];
  /** Bytes of resident memory of all its processes together, at each look. Pages that they share count for each. */
  readonly memory: readonly number[];
}

/** Looks at a service's health and memory, again and again, until it is told to stop. */
export function watchFootprint(service: Service): { stop(): Promise<Footprint> } {
  const health: number[] = [];
  const memory: number[] = [];
  let isStopped = false;
  const ask = async (): Promise<void> => {
    while (!isStopped) {
      health.push((await fetch(`${service.url}/healthz`).catch(() => undefined))?.status ?? 0);
      await delay(50);
    }
  };
  const look = async (): Promise<void> => {
    while (!isStopped) {
      memory.push(await residentBytes(service.pid));
      await delay(200);
    }
  };
  const watching = Promise.all([ask(), look()]);
  return {
    stop: async () => {
      isStopped = true;
      await watching;
      return { health, memory };
    },
  };
}

/** Of a process and all below it. */
async function residentBytes(root: number): Promise<number> {
  const { stdout } = await run('ps', ['-eo', 'pid=,ppid=,rss=']);
  const processes = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number) as [pid: number, ppid: number, kilobytes: number]);
  const sumBelow = (parent: number): number =>
    processes
      .filter(([, ppid]) => ppid === parent)
      .reduce((sum, [pid, , kilobytes]) => sum + kilobytes * 1_024 + sumBelow(pid), 0);
  const [, , own = 0] = processes.find(([pid]) => pid === root) ?? [];
  return own * 1_024 + sumBelow(root);
}
