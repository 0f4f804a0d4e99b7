import { setTimeout as delay } from 'node:timers/promises';

/** Waits for a condition: resolves with the first value that is neither undefined nor false, fails after `timeoutMs`. */
export async function until<T>(
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 10_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition}`);
    await delay(20);
  }
}
