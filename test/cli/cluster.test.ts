import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { descendants, Program, untilGone } from '../support/program.ts';
import { until } from '../support/until.ts';

interface Status {
  readonly status: string;
  readonly key: string;
  readonly result: { readonly output: string };
}

const serversOf = (url: string) => {
  const [, token = '', servers = ''] = /^tls:\/\/([^@]+)@(.+)$/.exec(url) ?? [];
  return { token, servers: servers.split(',') };
};

test('npm run cluster brings three nats-servers with TLS, two fronts and three workers, and stops them in order', {
  timeout: 120_000,
}, async () => {
  await using folder = await temporaryFolder();
  await using cluster = new Program('cluster', { DATA_DIR: folder.path }, ['--tls']);
  const [, one, two] = await until(
    () => /is up at (\S+) and (\S+)/.exec(cluster.output) ?? undefined,
    60_000,
  );
  expect(cluster.output).toContain(
    'an acknowledged task is on the disks of 2 of 3 nats-servers within a second (REPLICAS=3, SYNC=1s)',
  );
  const { accounts } = JSON.parse(await readFile(join(folder.path, 'accounts.json'), 'utf8'));
  const headers = { Authorization: `Secret ${accounts[0].secret}` };
  const tasks = { task_name: 'image.thumb', url: `${one}/files/sample/raccoon.jpg`, width: 60 };
  const body = JSON.stringify({ tasks, block: true });
  const answer = await fetch(`${one}/v1/create`, { method: 'POST', headers, body });
  const [made] = (await answer.json()) as [Status];
  expect(made.status).toBe('success');

  // The other front knows the task, if a moment later, and has its file, though it has no folder in common with the worker.
  const asked = await fetch(`${two}/v1/status?tasks=${made.key}&block=true`);
  expect(await asked.json()).toEqual([made]);
  const file = await fetch(two + new URL(made.result.output).pathname);
  expect(file.status).toBe(200);
  expect((await file.arrayBuffer()).byteLength).toBeGreaterThan(500);

  // A further front that nobody has told of the copies leaves them as they are, and says so.
  const NATS_URL = (await readFile(join(folder.path, 'cluster', 'url'), 'utf8')).trim();
  const NATS_CA = join(folder.path, 'cluster', 'tls', 'ca.pem');
  await using own = await temporaryFolder();
  {
    await using further = new Program('front', {
      NATS_URL,
      NATS_CA,
      DATA_DIR: own.path,
      STORAGE: 'jetstream',
    });
    await until(() => /"msg":"listening/.test(further.output), 30_000);
    expect(further.output).toContain('the log keeps the copies that it has');
    expect(further.output).toContain('there was no accounts file: made one');
    expect(further.output).not.toContain(
      JSON.parse(await readFile(join(own.path, 'accounts.json'), 'utf8')).accounts[0].secret,
    );
  }
  const connection = await connect({ ...serversOf(NATS_URL), tls: { caFile: NATS_CA } });
  const manager = await jetstreamManager(connection);
  for await (const { config } of manager.streams.list())
    expect([config.name, config.num_replicas]).toEqual([config.name, 3]);
  await connection.close();

  const processes = descendants(cluster.pid);
  const count = (pattern: RegExp) => processes.filter(({ command }) => pattern.test(command)).length;
  expect([count(/nats-server-tls\.conf/), count(/ front$/), count(/ worker$/)]).toEqual([3, 2, 3]);
  cluster.kill('SIGTERM');
  expect(await cluster.ended()).toBe(0);
  await untilGone(processes, 5_000);
});
