import type { Socket } from 'node:net';
import { expect } from 'vitest';
import type { FetcherSettings } from '../../../src/worker/source/fetcher.ts';
import { startFetching } from './fetching.ts';
import { type Answer, startOrigin } from './origin.ts';

/** What becomes of a fetch that is answered so, without the source's name. */
export async function failureWhen(answer: Answer, settings: Partial<FetcherSettings> = {}): Promise<string> {
  await using origin = await startOrigin(answer);
  await using fetching = await startFetching(settings);
  const text = await fetching.failure(`${origin.url}/a.jpg`);
  expect(text).toContain(`File '${origin.url}/a.jpg' `);
  return text.replace(`File '${origin.url}/a.jpg' `, '');
}

/** The body that a fetch ends with when it is answered so. */
export async function textWhen(answer: Answer, settings: Partial<FetcherSettings> = {}): Promise<string> {
  await using origin = await startOrigin(answer);
  await using fetching = await startFetching(settings);
  return await fetching.text(`${origin.url}/a.jpg`);
}

export const raw =
  (bytes: string): Answer =>
  (socket) =>
    void socket.write(bytes, 'latin1');

export const rawThenEnd =
  (bytes: string): Answer =>
  (socket) =>
    void socket.end(bytes, 'latin1');

/** Writes for as long as anybody reads. */
export function pour(socket: Socket, piece: string | Buffer): void {
  while (!socket.destroyed && socket.write(piece));
  if (!socket.destroyed) socket.once('drain', () => pour(socket, piece));
}
