import { expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { prepareEmbeddedServer } from '../../src/log/server/embedded-server.ts';
import { temporaryFolder } from '../support/folder.ts';

it('the embedded nats-server aims for memory that follows from the events that the log may hold', async () => {
  await using folder = await temporaryFolder();
  const megabytesFor = async (MAX_LOG_EVENTS: string) => {
    const config = readConfig({ DATA_DIR: folder.path, MAX_LOG_EVENTS });
    const { variables } = await prepareEmbeddedServer(config);
    return Number(variables.GOMEMLIMIT) / 1e6;
  };
  expect(await megabytesFor('1000')).toBeCloseTo(400, 0);
  expect(await megabytesFor('3000000')).toBe(1_120);
  expect(await megabytesFor('30000000')).toBe(7_600);
});
