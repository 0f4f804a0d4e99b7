import { X509Certificate } from 'node:crypto';
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

/** Says why nobody can be held to `NATS_CA`; the connection would only be tried for ever. Rejects with `CannotStart`. */
export async function checkAuthority({ NATS_CA }: Pick<Config, 'NATS_CA'>): Promise<void> {
  if (!NATS_CA) return;
  try {
    new X509Certificate(await readFile(NATS_CA));
  } catch (error) {
    throw new CannotStart(`cannot use NATS_CA, ${NATS_CA}: ${(error as Error).message}`);
  }
}
