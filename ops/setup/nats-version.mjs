import { run } from './child.mjs';

/**
 * The oldest nats-server with all that the log uses: atomic batches, per-message TTLs, multi-subject
 * reads.
 */
export const OLDEST_VERSION = '2.12.0';

/**
 * The version that is fetched where none is found: the one the measurements in `ops/adr` were made with.
 */
export const FETCHED_VERSION = '2.15.1';

const ANSWER_WITHIN_MS = 10_000;

/**
 * Asks a nats-server for its version. Resolves to `{ path, version }`, or to `{ path, refused }` with the
 * reason why it is of no use to us.
 */
export async function examine(path, env) {
  const asked = await run(path, ['--version'], { env, timeoutMs: ANSWER_WITHIN_MS });
  if (!asked.ok) return { path, refused: `${path} ${asked.why}` };
  const version = /v?(\d+\.\d+\.\d+)/.exec(asked.output)?.[1];
  if (version === undefined) return { path, refused: `${path} does not tell its version` };
  if (compareVersions(version, OLDEST_VERSION) < 0)
    return { path, refused: `${path} is ${version}, older than ${OLDEST_VERSION}` };
  return { path, version };
}

/** Orders versions by their numbers: negative where `a` is older. */
export const compareVersions = (a, b) => a.localeCompare(b, 'en', { numeric: true });
