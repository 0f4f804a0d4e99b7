export const DAY_MS = 86_400_000;

/** Clocks of hosts may differ by so much. */
export const CLOCKS_MS = 60_000;

let anchor = performance.timeOrigin;
let cachedSecond = -1;
let cachedPrefix = '';

/** Now, in microseconds since 1970. */
export function nowMicros(): number {
  const wall = Date.now();
  // The monotonic clock gives the microseconds, the wall clock the truth: they are joined anew when they part.
  if (haveParted(wall, performance.now())) joinClocks();
  return Math.round((anchor + performance.now()) * 1_000);
}

/** A process that had to wait between its looks at the two has stale news of one of them, and would set the time back. */
function joinClocks(): void {
  let before: number;
  let wall: number;
  do {
    before = performance.now();
    wall = Date.now();
  } while (performance.now() - before > 1);
  if (haveParted(wall, before)) anchor = wall - before;
}

const haveParted = (wall: number, monotonic: number): boolean => Math.abs(anchor + monotonic - wall) > 5;

/** ISO 8601 in UTC with microseconds: `2013-04-03T15:47:27.707526+00:00`. Such dates sort as text. */
export function formatDate(micros: number): string {
  const second = Math.floor(micros / 1_000_000);
  if (second !== cachedSecond) {
    cachedPrefix = new Date(second * 1_000).toISOString().slice(0, 19);
    cachedSecond = second;
  }
  return `${cachedPrefix}.${String(micros - second * 1_000_000).padStart(6, '0')}+00:00`;
}

export const eventDate = (): string => formatDate(nowMicros());
