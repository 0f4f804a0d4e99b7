import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Settings } from '../../src/config.ts';
import { ended, projectRoot } from './fake-project.ts';

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');

/** What the image's HEALTHCHECK says of a front on that port. */
async function healthOf(port: number): Promise<{ code: number | null; stdout: string }> {
  const env = { PORT: String(port) };
  const { code, stdout } = await ended(
    spawn(process.execPath, [join(projectRoot, 'ops/container/health.mjs')], { env }),
  );
  return { code, stdout };
}

describe('The health of a container', () => {
  it.each([
    [200, '{"status":"ok"}', 0, ''],
    [503, '{"errors":[]}', 1, '503 {"errors":[]}\n'],
    [404, '', 1, '404 \n'],
  ])('follows /readyz: %s', async (status, body, code, stdout) => {
    const asked: (string | undefined)[] = [];
    const server = createServer(({ url }, answer) => {
      asked.push(url);
      answer.writeHead(status).end(body);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    expect(await healthOf((server.address() as AddressInfo).port)).toEqual({ code, stdout });
    expect(asked).toEqual(['/readyz']);
    server.close();
  });

  it('is bad where nobody listens', async () => {
    const { code, stdout } = await healthOf(1);
    expect(code).toBe(1);
    expect(stdout).toMatch(/ECONNREFUSED/);
  });
});

describe('The container files', () => {
  it('take into the image what there is', () => {
    const taken = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    expect(taken).toContain('src');
    // Beside the compose files lies a token, in .env, and beside the configurations may lie private keys.
    expect(taken).not.toContain('ops/container');
    expect(taken).not.toContain('ops/cluster');
    const parts = taken.map((path) => path.replace(/\/[^/]*\.\w+$/, ''));
    expect(parts.filter((path) => !existsSync(join(projectRoot, path)))).toEqual([]);
    const moved = [...read('ops/container/Dockerfile').matchAll(/mv (.+) \/image/g)].flatMap(
      ([, paths = '']) => paths.split(' '),
    );
    const made = /^(node_modules|dist|\.cache\/.+)$/;
    expect(moved.filter((path) => !made.test(path) && !parts.includes(path))).toEqual([]);
  });

  it('start from one and the same image', () => {
    const bases = [...read('ops/container/Dockerfile').matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
    expect(new Set(bases).size).toBe(1);
  });

  it('have settings that there are', () => {
    const ofNats = ['common', 'routes', 'nats-server'].flatMap((name) =>
      [...read(`ops/cluster/${name}.conf`).matchAll(/\$([A-Z_]+)/g)].map(([, variable]) => variable),
    );
    const known = [...Object.keys(Settings.properties), ...ofNats];
    for (const file of ['compose.yaml', 'cluster.yaml']) {
      const set = [...read(`ops/container/${file}`).matchAll(/^\s+([A-Z_]+):|NATS_NODE/gm)].map(
        ([whole, name = whole]) => name,
      );
      expect(set).toContain('PUBLIC_URL');
      expect(set.filter((name) => !known.includes(name))).toEqual([]);
    }
  });

  it('give every node of a cluster what its configuration asks for', () => {
    const cluster = read('ops/container/cluster.yaml');
    for (const name of ['common', 'routes'])
      for (const [, variable] of read(`ops/cluster/${name}.conf`).matchAll(/\$([A-Z_]+)/g))
        expect(cluster).toContain(`${variable}: `);
  });
});
