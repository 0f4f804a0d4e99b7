import { mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findOnPath, isExecutable } from './child.mjs';
import { SetupError } from './failure.mjs';
import { adviceAfter } from './nats-advice.mjs';
import { fetchByApt } from './nats-apt.mjs';
import { fetchRelease } from './nats-release.mjs';
import { compareVersions, examine, OLDEST_VERSION } from './nats-version.mjs';
import { readIfThere } from './stamp.mjs';

const stampFile = (root) => join(root, '.cache', 'setup.json');

/**
 * The nats-server that an earlier set-up settled on, if it is still the same file; else undefined. Size and
 * time stand in for asking it its version again, which would cost every start 30 ms.
 */
export function knownNatsServer({ root, env }) {
  try {
    const known = JSON.parse(readIfThere(stampFile(root)) ?? '{}');
    if (env.NATS_SERVER && programOf(env) !== known.natsServer) return undefined;
    if (compareVersions(known.version, OLDEST_VERSION) < 0) return undefined;
    const { size, mtimeMs } = statSync(known.natsServer);
    return size === known.size && mtimeMs === known.mtimeMs ? known.natsServer : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Finds a nats-server, or fetches one into `.cache`, and resolves to its path. The ways, first one first:
 * `NATS_SERVER` (set and of no use is an error: nobody wants another one then), PATH, the cache, apt on
 * Debian, the project's release archive. A server of its own is not needed with `NATS_URL`; the caller
 * knows that.
 */
export async function findNatsServer(context) {
  const tried = [];
  const found =
    (await fromSetting(context)) ??
    (await firstUsable('PATH', findOnPath('nats-server', context.env), context, tried)) ??
    (await firstUsable('.cache', cached(context.root), context, tried)) ??
    (await fetched(context, tried));
  if (found === undefined) throw new SetupError(adviceAfter(tried));
  const { size, mtimeMs } = statSync(found.path);
  const stamp = { natsServer: found.path, version: found.version, size, mtimeMs };
  const complete = join(context.scratch, 'setup.json');
  writeFileSync(complete, `${JSON.stringify(stamp)}\n`);
  renameSync(complete, stampFile(context.root));
  return found.path;
}

const programOf = (env) =>
  env.NATS_SERVER.includes('/') ? resolve(env.NATS_SERVER) : findOnPath(env.NATS_SERVER, env)[0];

async function fromSetting({ env }) {
  if (!env.NATS_SERVER) return undefined;
  const program = programOf(env);
  if (program === undefined)
    throw new SetupError(`NATS_SERVER is '${env.NATS_SERVER}', and PATH has no such program`);
  const server = await examine(program, env);
  if (server.refused) throw new SetupError(`NATS_SERVER cannot be used: ${server.refused}`);
  return server;
}

async function firstUsable(way, paths, { env, say }, tried) {
  for (const path of paths) {
    const server = await examine(path, env);
    if (server.version) return server;
    say(`passed over a nats-server: ${server.refused}`);
    tried.push([way, server.refused]);
  }
  if (paths.length === 0) tried.push([way, 'holds no nats-server']);
  return undefined;
}

/** The servers that earlier set-ups fetched, newest first. */
function cached(root) {
  const folder = join(root, '.cache', 'nats-server');
  mkdirSync(folder, { recursive: true });
  return readdirSync(folder)
    .sort((a, b) => compareVersions(b, a))
    .map((version) => join(folder, version, 'nats-server'))
    .filter(isExecutable);
}

async function fetched(context, tried) {
  context.say('fetching nats-server');
  for (const [way, fetchIt] of [
    ['apt', fetchByApt],
    ['release', fetchRelease],
  ]) {
    try {
      const server = await examine(await fetchIt(context), context.env);
      if (server.version) return keep(context.root, server);
      tried.push([way, server.refused]);
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      tried.push([way, error.message]);
    }
  }
  return undefined;
}

function keep(root, { path, version }) {
  const folder = join(root, '.cache', 'nats-server', version);
  mkdirSync(folder, { recursive: true });
  const kept = join(folder, 'nats-server');
  renameSync(path, kept);
  return { path: kept, version };
}
