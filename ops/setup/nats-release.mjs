import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { reasonOf, SetupError } from './failure.mjs';
import { FETCHED_VERSION } from './nats-version.mjs';
import { readTarMember } from './tar.mjs';

const RELEASES = 'https://github.com/nats-io/nats-server/releases/download';
const SUMS_WITHIN_MS = 20_000;
const ARCHIVE_WITHIN_MS = 180_000;
const MAX_BYTES = 200 * 1024 * 1024;
const PLATFORMS = ['linux', 'darwin', 'freebsd'];
const ARCHITECTURES = {
  x64: 'amd64',
  arm64: 'arm64',
  arm: 'arm7',
  ia32: '386',
  ppc64: 'ppc64le',
  s390x: 's390x',
};

/** Where to find the release archives by hand. */
export const RELEASES_PAGE = RELEASES.replace(/\/download$/, '');

/**
 * What the release archive of this platform is called, or undefined where none is made that we can unpack.
 */
export function archiveName(platform = process.platform, arch = process.arch) {
  const architecture = ARCHITECTURES[arch];
  if (!PLATFORMS.includes(platform) || architecture === undefined) return undefined;
  return `nats-server-v${FETCHED_VERSION}-${platform}-${architecture}.tar.gz`;
}

/**
 * Fetches the project's own release archive (from `NATS_RELEASES` instead of its GitHub releases, if that
 * is set), and takes nats-server out of it if its SHA-256 is the one in the release's SHA256SUMS. Resolves
 * to the program's path; rejects with `SetupError` saying what was wrong.
 */
export async function fetchRelease({ env, scratch }) {
  const name = archiveName();
  if (name === undefined) throw new SetupError(`there is no archive for ${process.platform} ${process.arch}`);
  const base = `${(env.NATS_RELEASES || RELEASES).replace(/\/+$/, '')}/v${FETCHED_VERSION}`;
  const sums = (await download(`${base}/SHA256SUMS`, SUMS_WITHIN_MS)).toString('utf8');
  const expected = sumOf(sums, name);
  if (expected === undefined) throw new SetupError(`${base}/SHA256SUMS does not name ${name}`);
  const archive = await download(`${base}/${name}`, ARCHIVE_WITHIN_MS);
  const actual = createHash('sha256').update(archive).digest('hex');
  if (actual !== expected)
    throw new SetupError(
      `${base}/${name} was refused: its SHA-256 is ${actual}, SHA256SUMS says ${expected}`,
    );
  const program = readTarMember(gunzipSync(archive, { maxOutputLength: MAX_BYTES }), 'nats-server');
  if (program === undefined) throw new SetupError(`${base}/${name} holds no nats-server`);
  const folder = join(scratch, 'release');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'nats-server');
  writeFileSync(path, program, { mode: 0o755 });
  return path;
}

const sumOf = (sums, name) =>
  sums
    .split('\n')
    .map((line) => line.trim().split(/\s+\*?/))
    .find(([sum, file]) => file === name && /^[0-9a-f]{64}$/i.test(sum))?.[0]
    .toLowerCase();

async function download(url, withinMs) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(withinMs) });
    if (!response.ok) throw new SetupError(`${url} answered ${response.status}`);
    const chunks = [];
    let size = 0;
    for await (const chunk of response.body) {
      size += chunk.length;
      if (size > MAX_BYTES) throw new SetupError(`${url} is larger than ${MAX_BYTES} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    if (error instanceof SetupError) throw error;
    throw new SetupError(`${url}: ${reasonOf(error)}`, { cause: error });
  }
}
