import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../../src/free-port.ts';
import { temporaryFolder } from '../support/folder.ts';
import { PROGRAM } from '../support/service.ts';
import { until } from '../support/until.ts';

test('a service whose output goes to a full disk works all the same, and stops in order', {
  timeout: 60_000,
}, async () => {
  await using folder = await temporaryFolder();
  const port = await freePort();
  // Each write to it fails as on a full disk.
  const full = await open('/dev/full', 'w');
  const service = spawn(process.execPath, [PROGRAM, 'up'], {
    env: { ...process.env, DATA_DIR: folder.path, PORT: String(port), GRACE: '1', LOG_LEVEL: 'debug' },
    stdio: ['ignore', full.fd, full.fd],
  });
  try {
    const url = `http://127.0.0.1:${port}`;
    await until(async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.ok, 30_000);
    const { accounts } = JSON.parse(await readFile(join(folder.path, 'accounts.json'), 'utf8'));
    const create = async (task: object) => {
      const answer = await fetch(`${url}/v1/create`, {
        method: 'POST',
        headers: { Authorization: `Secret ${accounts[0].secret}` },
        body: JSON.stringify({ tasks: task, block: true }),
      });
      return ((await answer.json()) as { status: string }[])[0];
    };
    // A worker has a line to log about a failure.
    for (let turn = 0; turn < 3; turn++) {
      expect(await create({ task_name: 'image.info', url: 'http://127.0.0.1/' })).toMatchObject({
        status: 'error',
        result: "File 'http://127.0.0.1/' is not at a public address",
      });
    }
    expect(await create({ task_name: 'hello', name: 'disk' })).toMatchObject({ result: 'Hello disk' });
    service.kill('SIGTERM');
    expect(await once(service, 'exit')).toEqual([0, null]);
  } finally {
    service.kill('SIGKILL');
    await full.close();
  }
});
