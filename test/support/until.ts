import { setTimeout as delay } from 'node:timers/promises';

/** Waits for a condition: resolves with the first value that is not undefined, fails after `timeoutMs`. */
export async function until<T>(
  condition: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 10_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition}`);
    await delay(20);
  }
}
