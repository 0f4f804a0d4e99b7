import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findOnPath, isExecutable, run } from './child.mjs';
import { SetupError } from './failure.mjs';
import { readIfThere } from './stamp.mjs';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const SUITE = 'forky'; // the first of Debian's suites with a nats-server that is new enough
const SECURITY_RELEASE = /-security$|\/updates$/;
const STEP_AT_MOST_MS = 120_000;

/**
 * Fetches nats-server from the Debian mirror that this machine already uses, without touching the system:
 * apt gets a configuration, lists and a cache of our own, so neither root nor a change under /etc or /var
 * is needed. apt checks the signatures against Debian's keyring, whatever the machine's own sources trust.
 * Resolves to the path of the unpacked program; rejects with `SetupError` where this way is not open.
 */
export async function fetchByApt({ env, scratch }) {
  for (const tool of ['apt-get', 'apt-config', 'dpkg-deb'])
    if (findOnPath(tool, env).length === 0) throw new SetupError(`there is no ${tool} on PATH`);
  if (!existsSync(KEYRING)) throw new SetupError("Debian's archive keyring is not installed");
  const mirrors = await debianMirrors(env);
  if (mirrors.length === 0) throw new SetupError('no apt source of this machine is a mirror of Debian');
  const failures = [];
  for (const [index, mirror] of mirrors.entries()) {
    const folder = join(scratch, `apt-${index}`);
    const fetched = await fetchFrom(mirror, folder, env);
    if (fetched.path) return fetched.path;
    failures.push(fetched.why);
  }
  throw new SetupError(failures.join('; '));
}

/** The machine's mirrors of Debian itself: not the security archive, and nobody else's packages. */
async function debianMirrors(env) {
  const listed = await mirrorsByLists(env);
  return [...new Set(listed.length > 0 ? listed : await mirrorsBySources(env))].slice(0, 3);
}

async function mirrorsByLists(env) {
  const format = '$(ORIGIN)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)';
  const targets = await apt('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], { env });
  return targets
    .split('\n')
    .map((line) => line.split('|'))
    .filter(
      ([origin, release, component]) =>
        origin === 'Debian' && component === 'main' && !SECURITY_RELEASE.test(release),
    )
    .map(([, , , uri]) => uri);
}

/**
 * Where no lists were ever fetched, as in a fresh container, apt has no targets to tell of, nor whose the sources are. It
 * tells what it would fetch: what of that is not Debian's fails by its signature.
 */
async function mirrorsBySources(env) {
  if (!/^ID="?debian"?$/m.test(readIfThere('/etc/os-release') ?? '')) return [];
  const uris = await apt('apt-get', ['update', '--print-uris'], { env });
  return [...uris.matchAll(/^'(.+)\/dists\/(.+)\/InRelease'/gm)]
    .filter(([, , release]) => !SECURITY_RELEASE.test(release))
    .map(([, uri]) => uri);
}

async function fetchFrom(mirror, folder, env) {
  try {
    const ours = {
      env: { ...env, APT_CONFIG: await privateConfiguration(mirror, folder, env) },
      cwd: folder,
    };
    await apt('apt-get', ['update'], ours);
    await apt('apt-get', ['download', 'nats-server'], ours);
    const archive = readdirSync(folder).find((file) => file.endsWith('.deb'));
    if (!archive) throw new SetupError('apt-get downloaded no package');
    await apt('dpkg-deb', ['-x', archive, 'unpacked'], ours);
    const path = ['usr/sbin', 'usr/bin']
      .map((bin) => join(folder, 'unpacked', bin, 'nats-server'))
      .find(isExecutable);
    return path ? { path } : { why: 'the package holds no nats-server' };
  } catch (error) {
    if (error instanceof SetupError) return { why: error.message };
    throw error;
  }
}

/**
 * apt reads APT_CONFIG before all else, so it can tell apt to skip the machine's own files. Of those only
 * what is about fetching (proxies, certificates, time-outs) is carried over: their hooks would act on the
 * system.
 */
async function privateConfiguration(mirror, folder, env) {
  for (const part of ['state/lists/partial', 'cache/archives/partial'])
    mkdirSync(join(folder, part), { recursive: true });
  const fetching = await apt('apt-config', ['dump', 'Acquire'], { env });
  const sources = join(folder, 'sources.list');
  writeFileSync(sources, `deb [signed-by=${KEYRING}] ${mirror} ${SUITE} main\n`);
  const settings = {
    'Dir::Etc::main': '/dev/null',
    'Dir::Etc::parts': '/dev/null',
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State': join(folder, 'state'),
    'Dir::State::Lists': join(folder, 'state', 'lists'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': join(folder, 'cache'),
    'Acquire::Languages': 'none',
    'APT::Update::Error-Mode': 'any',
  };
  const file = join(folder, 'apt.conf');
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";`);
  writeFileSync(file, `${fetching}\n${lines.join('\n')}\n`);
  return file;
}

async function apt(program, args, { env, cwd }) {
  const ended = await run(program, args, { cwd, env: { ...env, LC_ALL: 'C' }, timeoutMs: STEP_AT_MOST_MS });
  if (ended.ok) return ended.output;
  const lines = ended.output.split('\n');
  const reason =
    lines.find((line) => line.startsWith('E: ')) ?? lines.find((line) => line.startsWith('Err:'));
  throw new SetupError(`${program} ${args[0]} ${ended.why}${reason ? `: ${reason}` : ''}`);
}
