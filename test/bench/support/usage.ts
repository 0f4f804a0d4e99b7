import { readFileSync } from 'node:fs';

/** A kernel tick, in milliseconds: Linux tells CPU time in hundredths of a second. */
const TICK_MS = 10;

/** Milliseconds of CPU that these processes have used since they started; 0 for one that is gone. */
export const cpuMsOf = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => sum + (cpuTicks(pid) ?? 0) * TICK_MS, 0);

/** Milliseconds of CPU that children of these processes had used when they ended. */
export const endedChildrenCpuMsOf = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => sum + (cpuTicks(pid, 13) ?? 0) * TICK_MS, 0);

/** Ticks in user and in system mode: of the process itself from the field 11 on, of its ended children from 13. */
function cpuTicks(pid: number, from = 11): number | undefined {
  const stat = readProc(pid, 'stat');
  // The name in parentheses may hold spaces; what follows it does not.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields && Number(fields[from]) + Number(fields[from + 1]);
}

/** Bytes resident in these processes now. Pages that they share count for each. */
export const residentBytesOf = (pids: readonly number[]): number => statusBytesOf(pids, 'VmRSS');

/** The most that each has had resident so far, added up; pages of files that several map, such as programs, once. */
export const peakBytesOf = (pids: readonly number[]): number =>
  statusBytesOf(pids, 'VmHWM') - countedAgain(pids.map(residentFiles));

/** Bytes that sums of these count more than once: of each file all but the most that one process has resident. */
function countedAgain(processes: readonly ReadonlyMap<string, number>[]): number {
  const files = new Set(processes.flatMap((files) => [...files.keys()]));
  return [...files].reduce((sum, file) => {
    const each = processes.map((files) => files.get(file) ?? 0);
    return sum + each.reduce((all, bytes) => all + bytes, 0) - Math.max(...each);
  }, 0);
}

/** Bytes that a process has resident of each file that it maps. */
function residentFiles(pid: number): Map<string, number> {
  const files = new Map<string, number>();
  let file = '';
  for (const line of (readProc(pid, 'smaps') ?? '').split('\n')) {
    const mapping = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(\/.*)?$/.exec(line);
    if (mapping) file = mapping[1] ?? '';
    const kilobytes = /^Rss:\s*(\d+) kB$/.exec(line)?.[1];
    if (file !== '' && kilobytes !== undefined)
      files.set(file, (files.get(file) ?? 0) + Number(kilobytes) * 1_024);
  }
  return files;
}

function statusBytesOf(pids: readonly number[], field: string): number {
  return pids.reduce((sum, pid) => {
    const kilobytes = new RegExp(`^${field}:\\s*(\\d+) kB`, 'm').exec(readProc(pid, 'status') ?? '')?.[1];
    return sum + Number(kilobytes ?? 0) * 1_024;
  }, 0);
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

export const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
