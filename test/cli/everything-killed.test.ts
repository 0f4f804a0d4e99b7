import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { endOf, expectOneEndEach, untilAllEnded } from '../support/histories.ts';
import { descendants, untilGone } from '../support/program.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';

/** Creates tasks, request after request, until the service is gone; keeps the keys that it was given. */
async function createUntilGone(service: Service, keys: string[]): Promise<void> {
  for (let round = 0; ; round++) {
    const tasks = [
      { task_name: 'hello', name: `in round ${round}` },
      ...(round % 2 === 0 ? [{ task_name: 'sleep', seconds: (round % 4) / 4 }] : []),
    ];
    try {
      const answer = await service.post('/v1/create', { tasks });
      if (answer.status !== 200) return;
      keys.push(...((await answer.json()) as { key: string }[]).map(({ key }) => key));
    } catch {
      return;
    }
  }
}

describe.concurrent('when every process is killed while tasks are created', () => {
  for (const SYNC of ['always', '1s'])
    test(`each acknowledged task ends once after the next start, with SYNC=${SYNC}`, {
      timeout: 60_000,
    }, async () => {
      await using folder = await temporaryFolder();
      await using killed = await Service.start({ SYNC }, folder.path);
      const keys: string[] = [];
      const creating = Array.from({ length: 8 }, () => createUntilGone(killed, keys));
      await until(() => keys.length > 300);
      // The supervisor first, so that it starts nothing again.
      const processes = [killed.pid, ...descendants(killed.pid).map(({ pid }) => pid)];
      for (const pid of processes) process.kill(pid, 'SIGKILL');
      await Promise.all(creating);
      await killed.ended();

      await using service = await Service.start({ SYNC }, folder.path);
      const histories = await untilAllEnded(service, keys, 15_000);

      expect(histories.map(endOf)).toEqual(keys.map(() => 'completed'));
      await expectOneEndEach(service, keys);
    });
});

describe.concurrent('when the supervisor is killed', () => {
  test('nothing of it is left after 5 s', { timeout: 60_000 }, async () => {
    await using service = await Service.start({ WORKERS: '2' });
    const url = `${service.url}/files/sample/raccoon.jpg`;
    await service.post('/v1/create', { tasks: { task_name: 'image.info', url }, block: true });
    await service.post('/v1/create', {
      tasks: Array.from({ length: 4 }, () => ({ task_name: 'sleep', seconds: 30 })),
    });
    const left = descendants(service.pid);
    const commands = left.map(({ command }) => command).join('\n');
    expect(commands).toMatch(/ front$/m);
    expect(commands.match(/ worker$/gm)).toHaveLength(2);
    expect(commands).toMatch(/ media$/m);
    expect(commands).toMatch(/nats-server\.conf$/m);
    process.kill(service.pid, 'SIGKILL');
    await untilGone(left, 5_000);
  });

  test('a start on the same folder and port right away works, and goes on', { timeout: 60_000 }, async () => {
    await using folder = await temporaryFolder();
    await using killed = await Service.start({}, folder.path);
    const created = await killed.post('/v1/create', {
      tasks: [
        { task_name: 'hello', name: 'before' },
        { task_name: 'sleep', seconds: 2 },
      ],
    });
    const keys = ((await created.json()) as { key: string }[]).map(({ key }) => key);
    const left = descendants(killed.pid);
    process.kill(killed.pid, 'SIGKILL');
    await killed.ended();

    await using service = await Service.start({ PORT: new URL(killed.url).port }, folder.path);
    await untilGone(left, 5_000);

    expect(service.url).toBe(killed.url);
    const histories = await untilAllEnded(service, keys, 15_000);
    expect(histories.map(endOf)).toEqual(['completed', 'completed']);
    await expectOneEndEach(service, keys);
  });
});
