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
