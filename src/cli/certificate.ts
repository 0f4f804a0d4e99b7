import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Config } from '../config.ts';
import { CannotStart } from './terminal.ts';

/**
 * Says why `TLS_CERT` and `TLS_KEY` cannot be used together; uWebSockets.js only says that they cannot. Rejects with
 * `CannotStart`.
 */
export async function checkCertificate({ TLS_CERT, TLS_KEY }: Config): Promise<void> {
  if (!TLS_CERT || !TLS_KEY) return;
  try {
    createSecureContext({ cert: await readFile(TLS_CERT), key: await readFile(TLS_KEY) });
  } catch (error) {
    throw new CannotStart(`cannot use TLS_CERT and TLS_KEY: ${(error as Error).message}`);
  }
}
