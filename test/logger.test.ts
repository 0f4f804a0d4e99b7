import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { prettyFactory } from 'pino-pretty';
import { expect, test } from 'vitest';
import { ON_A_TERMINAL } from '../src/logger.ts';

test('a terminal shows one line an event: the time, the part, the message and what else is known', () => {
  const show = prettyFactory({ ...ON_A_TERMINAL, colorize: false });
  const event = {
    level: 'info',
    time: '2026-11-24T10:00:00.123Z',
    part: 'front',
    port: 8080,
    msg: 'listening',
  };
  const lines = show(event).split('\n').slice(0, -1);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^\[\d\d:\d\d:\d\d\.123\] INFO: \[front\] listening \{"port":8080\}$/);
});

test('what could hold a credential is blanked in a line and in an object of it', async () => {
  const logger = fileURLToPath(new URL('../dist/src/logger.js', import.meta.url));
  const secrets = { secret: 'sesame', api_key: 'sesame', authorization: 'sesame', token: 'sesame' };
  const script = `
    const { createLogger } = await import(${JSON.stringify(logger)});
    const secrets = ${JSON.stringify(secrets)};
    createLogger('test', { LOG_LEVEL: 'info' }).info({ ...secrets, account: { name: 'a', ...secrets } }, 'told');
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  const blank = Object.fromEntries(Object.keys(secrets).map((name) => [name, '[redacted]']));
  expect(JSON.parse(stdout)).toMatchObject({ ...blank, account: { name: 'a', ...blank }, msg: 'told' });
  expect(stdout).not.toContain('sesame');
});
