import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, test, vi } from 'vitest';
import { connectionBound } from '../../src/front/connections.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';
import { create, dial, gauge, rawHead } from './support.ts';

const MOST = 30;

describe('connections beyond MAX_CONNECTIONS', () => {
  let service: Service;
  let feedOf: () => Promise<'open' | 'closed'>;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    service = await Service.start({ MAX_CONNECTIONS: String(MOST) });
    const [task] = await create(service, [{ task_name: 'sleep', seconds: 60 }]);
    feedOf = async () => {
      const socket = await dial(service);
      sockets.push(socket);
      return new Promise((resolve) => {
        socket.once('data', () => resolve('open'));
        socket.once('close', () => resolve('closed'));
        socket.once('error', () => resolve('closed'));
        socket.write(rawHead(service, `GET /v1/status_stream?tasks=${task?.key}`));
      });
    };
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await service[Symbol.asyncDispose]();
  });

  test('are closed at once, those before go on, and the log says so', async () => {
    const feeds: string[] = [];
    for (let made = 0; made < MOST + 20; made += 1) feeds.push(await feedOf());
    const held = feeds.filter((feed) => feed === 'open').length;
    expect(held).toBeGreaterThan(MOST / 2);
    expect(held).toBeLessThanOrEqual(MOST);
    expect(feeds.slice(held)).toEqual(feeds.slice(held).map(() => 'closed'));
    expect(sockets.slice(0, held).every(({ closed }) => !closed)).toBe(true);
    expect(service.output()).toContain('as many connections as this front may hold');
  });

  test('are taken again once others have gone', async () => {
    for (const socket of sockets.splice(0, 10)) socket.destroy();
    await until(async () => (await feedOf()) === 'open' || undefined);
    expect(await gauge(service, 'wyvern_refused_connections')).toBeGreaterThanOrEqual(20);
    expect(await gauge(service, 'wyvern_open_connections')).toBeLessThanOrEqual(MOST);
  });
});

describe('the bound of a front', () => {
  it('is the setting, as far as the limit of open files leaves room for an output each, and for others', () => {
    expect(connectionBound(100_000, 1_048_576)).toBe(100_000);
    expect(connectionBound(100_000, 20_000)).toBe(9_872);
    expect(connectionBound(100_000, 200)).toBe(50);
    expect(connectionBound(10, 20_000)).toBe(10);
    expect(connectionBound(10, Number.POSITIVE_INFINITY)).toBe(10);
  });

  it('is found without a look-up of the names of connections, which may take minutes', () => {
    const report = process.report as NodeJS.ProcessReport & { excludeNetwork: boolean };
    const getReport = report.getReport.bind(report);
    const excluded: boolean[] = [];
    const spy = vi.spyOn(report, 'getReport').mockImplementation(() => {
      excluded.push(report.excludeNetwork);
      return getReport();
    });
    expect(connectionBound(10)).toBe(10);
    spy.mockRestore();
    expect(excluded).toEqual([true]);
    expect(report.excludeNetwork).toBe(false);
  });
});
