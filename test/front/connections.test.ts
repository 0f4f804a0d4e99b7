import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it, test, vi } from 'vitest';
import { freePort } from '../../src/free-port.ts';
import { Connections, openFilesLimit } from '../../src/front/connections.ts';
import { WaitingRoom } from '../../src/front/waiting-room.ts';
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
    await until(async () => (await feedOf()) === 'open');
    expect(await gauge(service, 'wyvern_refused_connections_total')).toBeGreaterThanOrEqual(20);
    expect(await gauge(service, 'wyvern_open_connections')).toBeLessThanOrEqual(MOST);
  });
});

test('a front that waits for its log takes no more connections either', async () => {
  const PORT = await freePort();
  const connections = new Connections(2, 1_000, pino({ enabled: false }));
  const where = { HOST: '127.0.0.1', PORT, TLS_CERT: '', TLS_KEY: '' };
  const room = await WaitingRoom.open(where, connections, 'the log is away');
  const sockets = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const socket = connect(PORT, '127.0.0.1').on('error', () => {});
      await once(socket, 'connect');
      return socket;
    }),
  );
  await until(() => connections.refused === 3);
  expect(connections.open).toBe(2);
  room.close();
  await until(() => connections.open === 0);
  for (const socket of sockets) socket.destroy();
});

/** How many connections a front takes, and outputs after that. */
function taken(most: number, openFiles: number): { readonly connections: number; readonly outputs: number } {
  const connections = new Connections(most, openFiles, pino({ enabled: false }));
  let isOpen = true;
  const connection = {
    close: () => {
      isOpen = false;
    },
  };
  for (let opened = 0; isOpen && opened < 200_000; opened += 1) connections.count(connection, 1);
  connections.count(connection, -1);
  let outputs = 0;
  try {
    for (; outputs < 1_000; outputs += 1) connections.takeOutput();
  } catch (error) {
    expect(error).toMatchObject({ status: 503, headers: { 'Retry-After': '1' } });
  }
  return { connections: connections.open, outputs };
}

describe('the bound of a front', () => {
  it('is the setting, as far as the limit of open files leaves room for outputs that are taken, and for others', () => {
    expect(taken(100_000, 1_048_576)).toEqual({ connections: 100_000, outputs: 1_000 });
    expect(taken(100_000, 20_000)).toEqual({ connections: 19_744, outputs: 128 });
    expect(taken(100_000, 200)).toEqual({ connections: 50, outputs: 50 });
    expect(taken(10, 20_000)).toEqual({ connections: 10, outputs: 1_000 });
  });

  it('is less while outputs are taken', () => {
    const connections = new Connections(100, 512, pino({ enabled: false }));
    const letGo = Array.from({ length: 200 }, () => connections.takeOutput());
    const connection = { close: vi.fn() };
    for (let opened = 0; opened < 56; opened += 1) connections.count(connection, 1);
    expect(connection.close).not.toHaveBeenCalled();
    connections.count(connection, 1);
    expect(connection.close).toHaveBeenCalledOnce();
    letGo[0]?.();
    connections.count(connection, -1);
    connections.count(connection, 1);
    expect(connection.close).toHaveBeenCalledOnce();
  });

  it('is found without a look-up of the names of connections, which may take minutes', () => {
    const report = process.report as NodeJS.ProcessReport & { excludeNetwork: boolean };
    const getReport = report.getReport.bind(report);
    const excluded: boolean[] = [];
    const spy = vi.spyOn(report, 'getReport').mockImplementation(() => {
      excluded.push(report.excludeNetwork);
      return getReport();
    });
    expect(openFilesLimit()).toBeGreaterThan(100);
    spy.mockRestore();
    expect(excluded).toEqual([true]);
    expect(report.excludeNetwork).toBe(false);
  });
});
