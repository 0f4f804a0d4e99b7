import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { create, untilAllEnded } from '../support/histories.ts';
import { Service } from '../support/service.ts';

const SETTINGS: readonly Readonly<Record<string, string>>[] = [
  { SYNC: 'always' },
  { SYNC: '1s' },
  { SYNC: 'always', ARCHIVE_DAYS: '30' },
  { SYNC: 'always', STORAGE: 'jetstream' },
];

describe.concurrent('a service that is started again on its folder goes on from its log, with', () => {
  for (const settings of SETTINGS)
    test(JSON.stringify(settings), { timeout: 60_000 }, async () => {
      await using folder = await temporaryFolder();
      const env = { GRACE: '0.5', ...settings };
      const keys: string[] = [];
      for (let start = 0; start < 3; start++) {
        await using service = await Service.start(env, folder.path);
        keys.push(...(await create(service, [{ task_name: 'hello', name: `start ${start}` }])));
        await untilAllEnded(service, keys, 15_000);
        expect(service.output()).not.toMatch(/"level":"(error|fatal)"/);
      }
      expect(new Set(keys).size).toBe(3);
    });
});

test('settings that were lowered, or are not set any more, keep no service from starting', {
  timeout: 90_000,
}, async () => {
  await using folder = await temporaryFolder();
  const settings: Record<string, string>[] = [
    {
      STORAGE: 'jetstream',
      MAX_FILES_BYTES: '100000000000',
      ARCHIVE_DAYS: '30',
      MAX_LOG_BYTES: '50000000000',
    },
    { ARCHIVE_DAYS: '30', MAX_ARCHIVE_BYTES: '16000000', MAX_LOG_BYTES: '16000000' },
    { RETENTION_DAYS: '6' },
  ];
  for (const env of settings) {
    await using service = await Service.start({ GRACE: '0.5', ...env }, folder.path);
    const keys = await create(service, [{ task_name: 'hello', name: 'still there' }]);
    await untilAllEnded(service, keys, 15_000);
    expect(service.output()).not.toMatch(/insufficient storage/);
  }
});
