import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeProject, natsServerScript } from './fake-project.ts';
import { serveRelease } from './release-server.ts';

const STACK = /^\s+at /m;
const onDebian = existsSync('/usr/share/keyrings/debian-archive-keyring.gpg');

describe('the nats-server that the service is given', () => {
  let project: FakeProject;
  const given = async () => JSON.parse((await project.run('up')).stdout).natsServer;
  const cached = () => join(project.root, '.cache/nats-server/2.15.1/nats-server');

  beforeEach(async () => {
    project = await FakeProject.create();
    return async () => await project[Symbol.asyncDispose]();
  });

  it('is the one on PATH when that is new enough', async () => {
    const onPath = await project.addProgram('nats-server', natsServerScript('2.12.0'));
    expect(await given()).toBe(onPath);
  });

  it('is the release archive when the one on PATH is too old, which is said', async () => {
    await using release = await serveRelease({ script: natsServerScript('2.15.1') });
    project.env.NATS_RELEASES = release.base;
    await project.addProgram('nats-server', natsServerScript('2.9.10'));
    const { code, stdout, stderr } = await project.run('up');
    expect(stderr).toMatch(
      /passed over a nats-server: .*\/bin\/nats-server is 2\.9\.10, older than 2\.12\.0\n/,
    );
    expect(JSON.parse(stdout).natsServer).toBe(cached());
    expect(code).toBe(0);
    expect(await project.leftovers()).toEqual([]);
  });

  it('is fetched once: later starts find it in the cache', async () => {
    await using release = await serveRelease({ script: natsServerScript('2.15.1') });
    project.env.NATS_RELEASES = release.base;
    expect(await given()).toBe(cached());
    await release[Symbol.asyncDispose]();
    expect(await given()).toBe(cached());
    await rm(join(project.root, '.cache/setup.json'));
    expect(await given()).toBe(cached());
  });

  it('is looked for again when the one that was found is gone', async () => {
    const onPath = await project.addProgram('nats-server', natsServerScript('2.12.0'));
    expect(await given()).toBe(onPath);
    await using release = await serveRelease({ script: natsServerScript('2.15.1') });
    project.env.NATS_RELEASES = release.base;
    await rm(onPath);
    expect(await given()).toBe(cached());
  });

  it('is never an archive with another checksum than the release says', async () => {
    await using release = await serveRelease({ script: natsServerScript('2.15.1'), sum: 'a'.repeat(64) });
    project.env.NATS_RELEASES = release.base;
    const { code, stderr } = await project.run('up');
    expect(stderr).toMatch(/\.tar\.gz was refused: its SHA-256 is [0-9a-f]{64}, SHA256SUMS says a{64}\n/);
    expect(code).toBe(1);
    expect(existsSync(cached())).toBe(false);
    expect(await project.leftovers()).toEqual([]);
  });

  it('is the one that NATS_SERVER names, and an old one there is an error', async () => {
    await project.addProgram('nats-server', natsServerScript('2.15.1'));
    const other = await project.addProgram('other', natsServerScript('2.14.0'));
    const old = await project.addProgram('old', natsServerScript('2.11.9'));
    expect(await given()).toBe(join(project.bin, 'nats-server'));
    project.env.NATS_SERVER = other;
    expect(await given()).toBe(other);
    project.env.NATS_SERVER = old;
    expect(await project.run('up')).toMatchObject({
      code: 1,
      stderr: `NATS_SERVER cannot be used: ${old} is 2.11.9, older than 2.12.0\n`,
    });
  });

  it('is none at all when NATS_URL is set, except for tests', async () => {
    project.env.NATS_URL = 'nats://127.0.0.1:4222';
    expect(await given()).toBeNull();
    const { code, stderr } = await project.run('test');
    expect(stderr).toMatch(/No nats-server 2\.12\.0 or newer was found/);
    expect(code).toBe(1);
  });

  it('is missed in one message that names every way, why it failed, and the choices', async () => {
    await project.addProgram('nats-server', natsServerScript('2.9.10'));
    const { code, stdout, stderr } = await project.run('up');
    for (const way of [
      /on PATH: .* is 2\.9\.10/,
      /in \.cache\/nats-server: .*no nats-server/,
      /by apt-get: there is no apt-get on PATH/,
      /release archive: http:\/\/127\.0\.0\.1:1\/.*SHA256SUMS: fetch failed \(.+\)/,
      /brew install nats-server/,
      /nats-server-v.*\.tar\.gz from https:.*releases/,
      /docker run/,
      /NATS_URL/,
    ])
      expect(stderr).toMatch(way);
    expect(stderr.match(/No nats-server/g)).toHaveLength(1);
    expect(stderr).not.toMatch(STACK);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

  describe.runIf(onDebian)("is Debian's package where apt is", () => {
    const seen = () => join(project.root, '..', 'seen');
    const source = () => readFile(`${seen()}.list`, 'utf8');
    const FROM_DEBIAN =
      /^deb \[signed-by=\S+debian-archive-keyring\.gpg\] http:\/\/127\.0\.0\.1:1\/debian forky main\n$/;

    const addApt = async (answers: string) => {
      project.env.PATH = `${project.bin}:/usr/bin:/bin`;
      await project.addProgram('apt-config', `echo 'Acquire::http::Proxy "http://127.0.0.1:1";'`);
      await project.addProgram(
        'dpkg-deb',
        `mkdir -p "$3/usr/sbin"
         printf '#!/bin/sh\\n${natsServerScript('2.15.1')}\\n' > "$3/usr/sbin/nats-server"
         chmod +x "$3/usr/sbin/nats-server"`,
      );
      await project.addProgram(
        'apt-get',
        `case "$1 $2" in
         ${answers}
         update*) cp "$APT_CONFIG" "${seen()}.conf"; cp sources.list "${seen()}.list" ;;
         download*) : > nats-server_2.15.1-1_any.deb ;;
       esac`,
      );
    };

    it("by lists and a cache of the project's own", async () => {
      await addApt(`indextargets*) echo 'Debian|bookworm-security|main|http://127.0.0.1:1/debian-security'
                       echo 'Somebody|bookworm|main|http://127.0.0.1:1/somebody'
                       echo 'Debian|bookworm|main|http://127.0.0.1:1/debian' ;;`);
      expect(await given()).toBe(cached());
      expect(await source()).toMatch(FROM_DEBIAN);
      const configuration = await readFile(`${seen()}.conf`, 'utf8');
      expect(configuration).toMatch(/Acquire::http::Proxy "http:\/\/127\.0\.0\.1:1"/);
      for (const name of ['Dir::State', 'Dir::State::Lists', 'Dir::Cache', 'Dir::Etc::SourceList'])
        expect(configuration).toContain(`${name} "${project.root}/.cache/scratch/`);
      for (const name of ['Dir::Etc::main', 'Dir::Etc::parts', 'Dir::Etc::SourceParts'])
        expect(configuration).toContain(`${name} "/dev/null"`);
    });

    it('and has never fetched a list, as in a fresh container', async () => {
      const uri = (path: string) => `echo "'http://127.0.0.1:1/${path}' a_file 0 "`;
      await addApt(`indextargets*) ;;
         'update --print-uris') ${uri('debian-security/dists/trixie-security/InRelease')}
                                ${uri('debian/dists/trixie/InRelease')}
                                ${uri('debian/dists/trixie-updates/InRelease')}
                                ${uri('debian/dists/trixie/main/binary-amd64/Packages.xz')} ;;`);
      expect(await given()).toBe(cached());
      expect(await source()).toMatch(FROM_DEBIAN);
    });
  });
});
