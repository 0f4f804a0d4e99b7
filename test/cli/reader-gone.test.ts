import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { lifeOf } from '../log/reading-support.ts';
import { TestLog } from '../support/nats.ts';
import { PROGRAM } from '../support/service.ts';

test('a replay that follows a log where nothing happens ends when its reader has left', async () => {
  await using server = await TestLog.start();
  const { log } = await server.open();
  await log.appendAll(lifeOf('hello'));
  const shell = spawn('sh', ['-c', `"${process.execPath}" "${PROGRAM}" replay --follow | head -n 1`], {
    env: { ...process.env, NATS_URL: server.url, LOG_LEVEL: 'fatal' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let shown = '';
  shell.stdout.on('data', (chunk) => {
    shown += chunk;
  });
  // The shell waits for both ends of its pipe.
  await once(shell, 'close');
  expect(shown).toContain('queued');
});
