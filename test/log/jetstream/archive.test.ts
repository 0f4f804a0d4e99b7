import type { JetStreamManager } from '@nats-io/jetstream';
import { expect, it } from 'vitest';
import { Archive } from '../../../src/log/jetstream/archive/archive.ts';
import type { ReaderParts } from '../../../src/log/jetstream/patience.ts';
import { LogUnavailable } from '../../../src/log/log.ts';

it('an archive that does not answer is said to be out of reach where its oldest record is asked for', async () => {
  const streams = { info: () => Promise.reject(new Error('timeout')) };
  const archive = new Archive({ manager: { streams } as unknown as JetStreamManager } as ReaderParts);
  await expect(archive.first()).rejects.toBeInstanceOf(LogUnavailable);
});
