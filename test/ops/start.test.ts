import { readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ended, FakeProject, natsServerScript, until } from './fake-project.ts';

const STACK = /^\s+at /m;

describe('starting', () => {
  let project: FakeProject;
  beforeEach(async () => {
    project = await FakeProject.create();
    await project.addProgram('nats-server', natsServerScript('2.15.1'));
    return async () => await project[Symbol.asyncDispose]();
  });

  it('runs the program with its arguments, and writes nothing of its own to stdout', async () => {
    const { code, stdout, stderr } = await project.run('front', '--port', '1');
    expect(stderr).toMatch(/installing.*compiling/s);
    expect(JSON.parse(stdout)).toEqual({
      args: ['front', '--port', '1'],
      natsServer: join(project.bin, 'nats-server'),
    });
    expect(code).toBe(0);
  });

  it('does nothing and says nothing the second time', async () => {
    await project.run('up');
    const built = await readFile(join(project.root, 'dist/.wyvern-stamp'), 'utf8');
    // A compiler that is called now would replace this file.
    await writeFile(join(project.root, 'dist/src/cli/wyvern.js'), 'console.log("untouched")');
    const { stdout, stderr } = await project.run('up');
    expect({ stdout, stderr }).toEqual({ stdout: 'untouched\n', stderr: '' });
    expect(await readFile(join(project.root, 'dist/.wyvern-stamp'), 'utf8')).toBe(built);
    expect(await project.npmCalls()).toHaveLength(1);
    expect(await project.leftovers()).toEqual([]);
  });

  it('compiles again when a source changed, and only then', async () => {
    await project.run('up');
    const source = join(project.root, 'src/cli/wyvern.ts');
    await utimes(source, new Date(), new Date());
    expect((await project.run('up')).stderr).toBe('');
    await project.write('src/cli/wyvern.ts', '// @ts-nocheck\nconsole.log("changed");');
    const { stdout, stderr } = await project.run('up');
    expect(stdout).toBe('changed\n');
    expect(stderr).toMatch(/compiling/);
    expect(stderr).not.toMatch(/installing/);
  });

  it('installs again when the lock file changed, or the packages are gone', async () => {
    await project.run('up');
    await project.write('package-lock.json', '{"lockfileVersion":3}');
    await project.run('up');
    expect(await project.npmCalls()).toHaveLength(2);
    await rm(join(project.root, 'node_modules'), { recursive: true });
    expect((await project.run('up')).code).toBe(0);
    expect(await project.npmCalls()).toHaveLength(3);
  });

  it('shows an error of the compiler, ends with 1, and works once it is repaired', async () => {
    await project.write('src/broken.ts', 'export const count: number = "one";');
    const broken = await project.run('up');
    expect(broken).toMatchObject({ code: 1, stdout: '' });
    expect(broken.stderr).toMatch(/src\/broken\.ts.*TS2322/);
    expect(broken.stderr).not.toMatch(STACK);
    await project.write('src/broken.ts', 'export const count: number = 1;');
    expect((await project.run('up')).code).toBe(0);
    expect(await project.leftovers()).toEqual([]);
  });

  it("shows npm's own words when npm fails, and ends with 1", async () => {
    project.env.FAKE_NPM_SAYS = 'npm warn old\nnpm error code ENOTFOUND\nnpm error network';
    const { code, stdout, stderr } = await project.run('up');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /npm could not install the dependencies.*\nnpm error code ENOTFOUND\nnpm error network\nThey come from npm's registry/,
    );
    expect(stderr).not.toMatch(STACK);
  });

  it('takes for no installation what npm could not write, though npm itself ends well', async () => {
    project.env.FAKE_NPM_WARNS = 'npm warn tar TAR_ENTRY_ERROR ENOSPC: no space left on device, write';
    const { code, stderr } = await project.run('up');
    expect(stderr).toMatch(
      /^npm could not write all of the dependencies, which take 500 MB: ENOSPC: no space left on device, write$/m,
    );
    expect(code).toBe(1);
    project.env.FAKE_NPM_WARNS = 'npm warn deprecated something';
    expect((await project.run('up')).code).toBe(0);
  });

  it('tells what the HTTP server needs where this Node.js cannot load it, and installs again once it can', async () => {
    const { FAKE_MODULES = '' } = project.env;
    project.env.FAKE_MODULES = join(project.root, '..', 'modules');
    await project.write(
      '../modules/uWebSockets.js/index.js',
      "throw new Error('This version of uWS.js supports only …\\n\\nError: libc.so.6: version `GLIBC_9.9\\' not found');",
    );
    const { code, stdout, stderr } = await project.run('up');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /^Node\.js \S+ cannot load uWebSockets\.js, the HTTP server, on this system: libc\.so\.6: version `GLIBC_9\.9' not found\nIt has binaries for Node\.js 20/m,
    );
    expect(stderr).not.toMatch(STACK);
    project.env.FAKE_MODULES = FAKE_MODULES;
    expect((await project.run('up')).code).toBe(0);
  });

  it('tells all that is missing in one message', async () => {
    await rm(join(project.bin, 'nats-server'));
    project.env.FAKE_NPM_SAYS = 'npm error code EUSAGE';
    const { stderr } = await project.run('up');
    expect(stderr).toMatch(/npm error code EUSAGE\n\nNo nats-server .* was found/);
  });

  it('tells an old Node what is needed, in one line', async () => {
    await project.write('package.json', JSON.stringify({ type: 'module', engines: { node: '>=99.1' } }));
    const { code, stderr } = await project.run('up');
    expect(stderr).toBe(`wyvern needs Node 99.1 or newer; this is Node ${process.versions.node}\n`);
    expect(code).toBe(1);
  });
});

describe('npm start', () => {
  const npm = process.env.npm_execpath ?? join(process.execPath, '../../lib/node_modules/npm/bin/npm-cli.js');
  let project: FakeProject;

  beforeAll(async () => {
    project = await FakeProject.create();
    await project.addProgram('nats-server', natsServerScript('2.15.1'));
    await project.addProgram('node', `exec ${process.execPath} "$@"`);
    await project.write(
      'src/cli/wyvern.ts',
      `// @ts-nocheck
       const ended = (signal) => { console.log(signal); setTimeout(() => process.exit(7), 200); };
       for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, ended);
       setInterval(() => {}, 1000);
       console.log('ready');`,
    );
    await project.run('build');
    project.env.PATH = `${project.bin}:/usr/bin:/bin`;
    return async () => await project[Symbol.asyncDispose]();
  });

  it.concurrent.each([
    ['SIGTERM', 'npm alone'],
    ['SIGINT', 'npm alone'],
    ['SIGTERM', 'the process group'],
    ['SIGINT', 'the process group'],
  ] as const)('passes %s on to the service when it is sent to %s', async (signal, receiver) => {
    const child = project.spawn([npm, 'start'], { detached: true });
    const outcome = ended(child);
    let shown = '';
    child.stdout?.on('data', (text) => {
      shown += text;
    });
    await until(() => shown.includes('ready'));
    const pid = child.pid ?? Number.NaN;
    process.kill(receiver === 'npm alone' ? pid : -pid, signal);
    const { code, stdout } = await outcome;
    expect(stdout).toContain(signal);
    expect(code).toBe(7);
  });
});

describe('the whole project', () => {
  it('is built from a copy, and not again when nothing changed', async () => {
    await using project = await FakeProject.create();
    await project.addProgram('nats-server', natsServerScript('2.15.1'));
    await project.takeOver(['package.json', 'package-lock.json', 'tsconfig.json', 'src', 'actors']);
    expect(await project.run('build')).toMatchObject({ code: 0, stdout: '' });
    expect(await project.run('build')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    // The whole of it is compiled for real, which on a busy machine takes its time.
  }, 120_000);
});
