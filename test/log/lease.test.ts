import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Lease } from '../../src/log/jetstream/lease.ts';
import { LEASE_MS } from '../../src/log/task-queue.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

/** A lease, and what was said to the server. */
function leased() {
  const said: string[] = [];
  const server = { isReachable: true };
  const lease = new Lease((word) => {
    if (server.isReachable) said.push(word);
    return server.isReachable;
  });
  return { lease, said, server };
}

it('is renewed for as long as it is held', () => {
  const { lease, said } = leased();
  for (let renewal = 0; renewal < 5; renewal++) {
    vi.advanceTimersByTime(LEASE_MS - 1);
    lease.extend();
  }
  lease.release(500);
  expect(said).toEqual([...Array(5).fill('+WPI'), '-NAK {"delay":500000000}']);
});

it('is not renewed once it is lost, and what is lost is not given back', () => {
  const { lease, said } = leased();
  vi.advanceTimersByTime(LEASE_MS);
  lease.extend();
  lease.release(0);
  expect(said).toEqual([]);
});

it('runs out when the server could not be reached to renew it', () => {
  const { lease, said, server } = leased();
  server.isReachable = false;
  vi.advanceTimersByTime(LEASE_MS / 2);
  lease.extend();
  server.isReachable = true;
  vi.advanceTimersByTime(LEASE_MS / 2);
  lease.extend();
  lease.release(0);
  expect(said).toEqual([]);
});

it('does not keep from saying that the task has ended', () => {
  const { lease, said } = leased();
  vi.advanceTimersByTime(10 * LEASE_MS);
  lease.ack();
  expect(said).toEqual(['+ACK']);
});

it('is given back once', () => {
  const { lease, said } = leased();
  lease.release(0);
  lease.release(0);
  lease.extend();
  expect(said).toEqual(['-NAK {"delay":0}']);
});
