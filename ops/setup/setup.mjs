import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build, isBuildFresh } from './build.mjs';
import { areDependenciesFresh, installDependencies } from './dependencies.mjs';
import { inOne } from './failure.mjs';
import { underLock } from './lock.mjs';
import { findNatsServer, knownNatsServer } from './nats-server.mjs';
import { endOwner, newOwner } from './owner.mjs';

/**
 * Brings the project to where it can run, and resolves to `{ natsServer }`, the path of one if `needs` asks
 * for it. `needs` is `{ build, natsServer }`; the dependencies are always installed.
 *
 * What is fresh is left alone, and when all is, nothing is started and no lock is taken. Otherwise one
 * set-up at a time works. Each part is made under a temporary name, gets its stamp there, and is then
 * renamed into place: a set-up that is killed leaves either the old or the new, and some scratch that the
 * next one removes.
 */
export async function setUp({ root, env, needs, say }) {
  if (isReady(root, env, needs))
    return { natsServer: needs.natsServer ? knownNatsServer({ root, env }) : undefined };
  const owner = newOwner();
  const cache = join(root, '.cache');
  return await underLock(join(cache, 'lock'), owner, say, async () => {
    await removeScratch(root);
    const scratch = join(cache, 'scratch', owner);
    mkdirSync(scratch, { recursive: true });
    try {
      return await bringUp({ root, env, needs, say, scratch, owner });
    } finally {
      await removeScratch(root);
    }
  });
}

const isReady = (root, env, needs) =>
  areDependenciesFresh(root) &&
  (!needs.build || isBuildFresh(root)) &&
  (!needs.natsServer || knownNatsServer({ root, env }) !== undefined);

async function bringUp(context) {
  const { root, needs, say } = context;
  const code = async () => {
    if (!areDependenciesFresh(root))
      await timed(say, 'installing the locked dependencies', installDependencies, context);
    if (needs.build && !isBuildFresh(root)) await timed(say, 'compiling', build, context);
  };
  const server = async () =>
    needs.natsServer ? (knownNatsServer(context) ?? (await findNatsServer(context))) : undefined;
  // Both wait for a network most of the time, so they run at once; and both are let finish, so that what
  // one has fetched is kept though the other failed.
  const outcomes = await Promise.allSettled([code(), server()]);
  const failures = outcomes.flatMap(({ status, reason }) => (status === 'rejected' ? [reason] : []));
  if (failures.length > 0) throw inOne(failures);
  return { natsServer: outcomes[1].value };
}

async function timed(say, what, step, context) {
  say(what);
  const since = performance.now();
  await step(context);
  say(`${what}: done in ${((performance.now() - since) / 1_000).toFixed(1)} s`);
}

/**
 * Under the lock all scratch is ours or a dead set-up's. An npm that outlived its set-up is ended first:
 * with the folder gone from under it, it would take npm's own cache for damaged and delete from it, which
 * all npms share.
 */
async function removeScratch(root) {
  const scratch = join(root, '.cache', 'scratch');
  for (const owner of namesIn(scratch))
    for (const child of namesIn(join(scratch, owner, 'children'))) await endOwner(child);
  const builds = readdirSync(root).filter((name) => name.startsWith('.dist.'));
  const paths = [scratch, ...builds.map((name) => join(root, name))];
  await Promise.allSettled(paths.map((path) => rm(path, { recursive: true, force: true, maxRetries: 2 })));
}

const namesIn = (folder) => (existsSync(folder) ? readdirSync(folder) : []);
