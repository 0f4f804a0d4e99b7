import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../src/free-port.ts';
import { create, untilAllEnded } from '../support/histories.ts';
import { TestLog } from '../support/nats.ts';
import { descendants, Program, untilGone } from '../support/program.ts';
import { natsUrlOf } from '../support/raw-log.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';

let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'wyvern-refused-'));
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

/** Runs a start that is to be refused; resolves with what it said, line by line. */
async function refusal(command: string, env: Readonly<Record<string, string>>): Promise<string[]> {
  const program = new Program(command, { DATA_DIR: join(dataDir, 'own'), ...env });
  const code = await program.ended();
  expect(code).not.toBe(0);
  expect(code, program.output).toBeTypeOf('number');
  expect(program.output).not.toMatch(/^\s+at /m);
  return program.output.trim().split('\n');
}

describe('a start is refused', () => {
  test('on a data folder that is in use, in one line, and the first service goes on', async () => {
    await using service = await Service.start();
    const lines = await refusal('up', { DATA_DIR: service.dataDir });
    expect(lines).toEqual([
      `Wyvern is already running on the data folder ${service.dataDir}; stop it, or set DATA_DIR to another folder`,
    ]);
    await untilAllEnded(service, await create(service, [{ task_name: 'hello', name: 'still there' }]));
  });

  test.each([
    ['up', 'no arguments'],
    ['front', 'no arguments'],
    ['worker', 'no arguments'],
    ['cluster', '--tls'],
  ])('with arguments that %s does not take', async (command, taken) => {
    const program = new Program(command, { DATA_DIR: join(dataDir, 'own') }, ['extra']);
    expect(await program.ended()).toBe(2);
    expect(program.output).toMatch(new RegExp(`^'${command}' takes ${taken}, it has 'extra'\\.\n\nUsage: `));
    const asking = new Program(command, { DATA_DIR: join(dataDir, 'own') }, ['--help']);
    expect(await asking.ended()).toBe(0);
    expect(asking.output).toMatch(/^Usage: wyvern <command>/);
  });

  test('where the HTTP server cannot be loaded, in one line', async () => {
    const preload = join(dataDir, 'no-binary.cjs');
    await writeFile(
      preload,
      `const { dlopen } = process;
       process.dlopen = (module, path, ...rest) => {
         if (path.includes('uws_')) throw new Error('libc.so.6: version \`GLIBC_9.9\\' not found');
         return dlopen(module, path, ...rest);
       };`,
    );
    const lines = await refusal('up', { NODE_OPTIONS: `--require ${preload}` });
    expect(lines.filter((line) => !line.startsWith('{'))).toEqual([
      `Node.js ${process.versions.node} cannot load uWebSockets.js on this system, see "Start it" in the README: libc.so.6: version \`GLIBC_9.9' not found`,
    ]);
  });

  test('on a port that is in use, in one line', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const lines = await refusal('up', { PORT: String(port) });
    other.close();
    expect(lines).toEqual([
      `cannot listen on 127.0.0.1:${port}: the port is in use; set PORT to another one`,
    ]);
  });

  test.each([
    [
      'a data folder that is a file',
      { DATA_DIR: '/etc/passwd' },
      /^cannot use the data folder \/etc\/passwd: /,
    ],
    [
      'a data folder that cannot be, where making it would never end',
      { DATA_DIR: '/proc/wyvern/data' },
      /^cannot use the data folder \/proc\/wyvern\/data: ENOENT/,
    ],
    [
      'accounts that cannot be there',
      { ACCOUNTS_FILE: '/proc/wyvern/accounts.json' },
      /^the accounts file \/proc\/wyvern\/accounts\.json cannot be written: ENOENT/,
    ],
    ['a host that is none', { HOST: '999.1.1.1' }, /^cannot listen on 999\.1\.1\.1:\d+: .+; set HOST to /],
    [
      'a certificate that is not there',
      { TLS_CERT: '/nowhere', TLS_KEY: '/nowhere' },
      /^cannot use TLS_CERT .+ENOENT/,
    ],
    [
      'a certificate that is none',
      { TLS_CERT: '/etc/passwd', TLS_KEY: '/etc/passwd' },
      /^cannot use TLS_CERT /,
    ],
    ['sources that nothing can be at', { FETCH_ALLOW: 'fine.example,a/b' }, /^FETCH_ALLOW must be .+'a\/b'$/],
    ['a nats-server that is no address', { NATS_URL: '::bad' }, /^NATS_URL must be /],
  ])('for %s, in one line, before anything runs', async (_, env, line) => {
    expect(await refusal('up', env)).toEqual([expect.stringMatching(line)]);
  });

  test.each([
    ['up', 'nats/nats-server.conf.new'],
    ['cluster', 'cluster/url'],
  ])('of %s where %s cannot be written, in one line', async (command, file) => {
    const DATA_DIR = join(dataDir, `no-room-for-${command}`);
    // A folder in its place stops root, too, as a full disk does.
    await mkdir(join(DATA_DIR, file), { recursive: true });
    expect(await refusal(command, { DATA_DIR })).toEqual([
      expect.stringMatching(new RegExp(`^cannot use the data folder ${DATA_DIR}: EISDIR: `)),
    ]);
  });

  test('with replicas but without a cluster, in one line', async () => {
    expect(await refusal('up', { REPLICAS: '3' })).toEqual([
      'REPLICAS=3 needs a cluster of nats-servers: set NATS_URL to it, or run npm run -s cluster',
    ]);
  });

  test('with bad settings, naming each of them', async () => {
    const lines = await refusal('up', { PORT: 'abc', ATTEMPTS: '0', SYNC: 'never', FETCH_ALLOW: 'a b' });
    expect(lines.find((line) => line.startsWith('PORT '))).toContain("'abc'");
    expect(lines.find((line) => line.startsWith('ATTEMPTS '))).toContain("'0'");
    expect(lines.find((line) => line.startsWith('SYNC '))).toContain("'never'");
    expect(lines.find((line) => line.startsWith('FETCH_ALLOW '))).toContain("'a b'");
  });

  test.each(['front', 'worker'])('of %s alone without NATS_URL, saying what is missing', async (command) => {
    const lines = await refusal(command, {});
    expect(lines).toEqual([
      "NATS_URL is missing: set it, or run 'npm start', which brings a nats-server of its own",
    ]);
  });

  test('with credentials that nats-server refuses, without a stack', async () => {
    await using service = await Service.start();
    const url = new URL(await natsUrlOf(service.dataDir));
    const lines = await refusal('up', { NATS_URL: `nats://not-the-token@${url.host}` });
    expect(new Set(lines.filter((line) => !line.startsWith('{')))).toEqual(
      new Set([`nats-server at ${url.host} refuses the credentials in NATS_URL`]),
    );
  });

  test.each(['up', 'front', 'worker'])(
    'of %s whose NATS_STORE is not there, without a stack',
    async (command) => {
      await using nats = await TestLog.start();
      const env = {
        NATS_URL: nats.url,
        NATS_STORE: '/nowhere',
        DATA_DIR: join(dataDir, 'own'),
        SYNC: 'always',
      };
      const lines = await refusal(command, env);
      expect(new Set(lines.filter((line) => !line.startsWith('{')))).toEqual(
        new Set([
          "NATS_STORE must be the store folder of the nats-server at NATS_URL, on this machine; '/nowhere' has no log",
        ]),
      );
    },
  );

  test('of a front alone on an address that is not of this machine, or on a port in use, saying which', async () => {
    await using nats = await TestLog.start();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const PORT = String((other.address() as { port: number }).port);
    const refused = async (env: Readonly<Record<string, string>>) => {
      const DATA_DIR = join(dataDir, 'front');
      const lines = await refusal('front', { NATS_URL: nats.url, DATA_DIR, PORT, ...env });
      return lines.filter((line) => !line.startsWith('{'));
    };
    const elsewhere = await refused({ HOST: '203.0.113.5' });
    const inUse = await refused({});
    other.close();
    expect(elsewhere).toEqual([
      expect.stringMatching(/^cannot listen on 203\.0\.113\.5:\d+: .+EADDRNOTAVAIL.+; set HOST to /),
    ]);
    expect(inUse).toEqual([
      `cannot listen on 127.0.0.1:${PORT}: the port is in use; set PORT to another one`,
    ]);
  });

  test.each([
    ['/nowhere', /^cannot use NATS_CA, \/nowhere: ENOENT/],
    ['/etc/passwd', /^cannot use NATS_CA, \/etc\/passwd: .*PEM/],
  ])('with %s for the authority of the nats-servers', async (NATS_CA, complaint) => {
    const NATS_URL = `tls://127.0.0.1:${await freePort()}`;
    for (const command of ['front', 'worker'])
      expect((await refusal(command, { NATS_URL, NATS_CA })).join('\n')).toMatch(complaint);
  });

  test.each([
    ['front', 'disk'],
    ['worker', 'disk'],
    ['worker', 'jetstream'],
  ])(
    'to a %s alone whose data folder cannot be used, with STORAGE=%s, in one line',
    async (command, STORAGE) => {
      await using nats = await TestLog.start();
      // A front makes the streams; a file in the place of a folder stops root, too.
      if (command === 'worker') await nats.open();
      const DATA_DIR = join(dataDir, `${command}-${STORAGE}`);
      await mkdir(DATA_DIR);
      for (const folder of ['files', 'spool']) await writeFile(join(DATA_DIR, folder), '');
      const lines = await refusal(command, { NATS_URL: nats.url, DATA_DIR, STORAGE });
      expect(lines.filter((line) => !line.startsWith('{'))).toEqual([
        expect.stringMatching(new RegExp(`^cannot use the data folder ${DATA_DIR}: EEXIST: `)),
      ]);
    },
  );

  test.each(['help', '--help'])('never of %s, which tells the commands', async (command) => {
    const program = new Program(command, {});
    expect(await program.ended()).toBe(0);
    expect(program.output).toMatch(/^Usage: wyvern <command>/);
  });

  test('of a command that does not exist, naming those that do', async () => {
    const text = (await refusal('fornt', {})).join('\n');
    expect(text).toContain("'fornt' is not a command");
    expect(text).toMatch(/up.*front.*worker/s);
  });
});

describe('while no nats-server answers at NATS_URL', () => {
  test.each(['up', 'worker'])('%s says that it waits, and stops when told to', async (command) => {
    const NATS_URL = `nats://token-of-mine@127.0.0.1:${await freePort()}`;
    await using program = new Program(command, { NATS_URL, DATA_DIR: join(dataDir, command) });
    const { host } = new URL(NATS_URL);
    await until(() => program.output.includes(host) && /waiting for/.test(program.output));
    expect(program.output).not.toContain('token-of-mine');
    const below = descendants(program.pid);
    program.kill('SIGTERM');
    await program.ended();
    await untilGone(below, 5_000);
  });

  test('nothing is left of a supervisor that is killed', async () => {
    const NATS_URL = `nats://127.0.0.1:${await freePort()}`;
    await using program = new Program('up', {
      NATS_URL,
      DATA_DIR: join(dataDir, 'orphans'),
      PORT: String(await freePort()),
    });
    const below = await until(() => {
      const found = descendants(program.pid);
      return found.length === 2 ? found : undefined;
    });
    // Past their own start: the one that says that it waits has loaded all of its program.
    await until(() => (program.output.match(/waiting for/g)?.length ?? 0) >= 2);
    program.kill('SIGKILL');
    await program.ended();
    await untilGone(below, 5_000);
  });
});
