import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { CredentialsRefused, connectToNats } from '../../src/log/jetstream/connection.ts';
import { TestLog } from '../support/nats.ts';
import { until } from '../support/until.ts';

/** A logger, and the messages that it was given. */
function listening() {
  const said: string[] = [];
  const logger = pino({}, { write: (line) => void said.push(JSON.parse(line).msg) });
  return { logger, said };
}

test('credentials that the server does not know end the first connect, and are not told', async () => {
  await using server = await TestLog.start();
  const { url } = server;
  await (await server.open()).log.ping();
  const wrong = url.replace(/\/\/.+@/, '//wrong-token@');
  const refused = connectToNats(wrong, 'test', server.config, listening().logger);
  await expect(refused).rejects.toThrow(CredentialsRefused);
  await expect(refused).rejects.toThrow(`nats-server at ${new URL(url).host} refuses the credentials`);
});

test('a comma too many names no server', async () => {
  await using server = await TestLog.start();
  const connection = await connectToNats(` ${server.url} , `, 'test', server.config, listening().logger);
  expect(connection.getServer()).toBe(new URL(server.url).host);
  await connection.close();
});

test('a connection outlives a time in which its credentials are refused, and tells of it once', async () => {
  await using server = await TestLog.start();
  const { logger, said } = listening();
  const connection = await connectToNats(server.url, 'test', server.config, logger);
  let refusals = 0;
  void (async () => {
    for await (const { type } of connection.status()) if (type === 'error') refusals += 1;
  })();
  const file = join(server.config.DATA_DIR, 'nats', 'nats-server.conf');
  const right = await readFile(file, 'utf8');

  await server.kill();
  await writeFile(file, right.replace(/token: ".+?"/, 'token: "another"'));
  server.restart();
  await until(() => refusals >= 4);

  await server.kill();
  await writeFile(file, right);
  server.restart();
  await until(() => said.includes('reconnected to nats-server'));
  expect(said.filter((text) => text === 'nats-server reported an error')).toHaveLength(1);
  await connection.close();
});
