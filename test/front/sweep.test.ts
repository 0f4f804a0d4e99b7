import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newKey } from '../../src/log/key.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';
import { createOne, gauge, sleep, thumb } from './support.ts';

test('The front sweeps: outputs that no task stands for go, those of tasks that ended stay', {
  timeout: 120_000,
}, async () => {
  await using service = await Service.start({ SWEEP_SECONDS: '1' });
  const files = join(service.dataDir, 'files');
  /** Stores past the service, a day ago. */
  const plant = async (folder: string, name: string): Promise<void> => {
    await mkdir(join(files, folder), { recursive: true });
    await writeFile(join(files, folder, name), 'eleven byte');
    await age(folder, name);
  };
  const age = (folder: string, name: string): Promise<void> => {
    const yesterday = Date.now() / 1_000 - 86_400;
    return utimes(join(files, folder, name), yesterday, yesterday);
  };
  const { key, result } = await createOne(service, thumb(service), true);
  const { output } = result as { output: string };
  const open = await createOne(service, sleep(50));
  const shard = key.slice(-2);
  const unknown = newKey();

  await age(shard, `${key}.1.output.jpg`);
  await plant(open.key.slice(-2), `${open.key}.1.output.jpg`);
  await plant(shard, `${key}.2.output.jpg`);
  await plant(unknown.slice(-2), `${unknown}.1.output.jpg`);
  await plant('.incoming', `${shard}-of-a-dead-process`);
  await writeFile(join(files, '.incoming', `${shard}-of-a-living-process`), '');

  const removed = (reason: string) => gauge(service, `wyvern_outputs_removed_total{reason="${reason}"}`);
  await until(async () => {
    const counts = await Promise.all(['task_gone', 'not_in_the_end', 'unfinished'].map(removed));
    return counts.every((count) => count === 1);
  }, 50_000);
  await until(async () => (await gauge(service, 'wyvern_outputs')) === 2, 50_000);

  expect(await gauge(service, 'wyvern_outputs_removed_bytes_total')).toBe(22);
  expect((await fetch(output)).status).toBe(200);
  expect(await readdir(join(files, shard))).toContain(`${key}.1.output.jpg`);
  expect(await readdir(join(files, open.key.slice(-2)))).toContain(`${open.key}.1.output.jpg`);
  expect(await readdir(join(files, '.incoming'))).toEqual([`${shard}-of-a-living-process`]);
  expect((await fetch(`${service.url}/files/sample/raccoon.jpg`)).status).toBe(200);
  expect(service.output()).toContain('swept the outputs');
});
