import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type RequestOptions, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Service } from '../support/service.ts';
import { exchangeRaw, rawHead, type Status } from './support.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

describe.skipIf(!hasOpenssl)('With TLS_CERT and TLS_KEY the service speaks HTTPS itself', () => {
  let service: Service;
  let folder: string;
  let certificate: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'wyvern-tls-'));
    const [TLS_CERT, TLS_KEY] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', TLS_KEY];
    execFileSync('openssl', ['req', '-x509', ...key, '-out', TLS_CERT, '-days', '2', ...subject], {
      stdio: 'ignore',
    });
    certificate = await readFile(TLS_CERT, 'utf8');
    // Only the question whether it is up goes unchecked, and only in this process.
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    service = await Service.start({ TLS_CERT, TLS_KEY, NODE_TLS_REJECT_UNAUTHORIZED: '' });
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  });
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  /** Over TLS that is checked against the certificate. */
  const ask = (path: string, body?: object, options: RequestOptions = {}) =>
    new Promise<{ status: number; location: string | undefined; type: string | undefined; body: unknown }>(
      (resolve, reject) => {
        const headers = { Authorization: `Secret ${service.secret}` };
        const method = body ? 'POST' : 'GET';
        const asked = request(
          service.url + path,
          { method, headers, ca: certificate, agent: false, ...options },
          async (answer) => {
            const { location, 'content-type': type } = answer.headers;
            const parsed = type?.startsWith('application/json') ? await json(answer) : answer.resume();
            resolve({ status: answer.statusCode as number, location, type, body: parsed });
          },
        );
        asked.once('error', reject);
        asked.end(body && JSON.stringify(body));
      },
    );

  test('and a container with it is asked over TLS how it is', () => {
    const health = fileURLToPath(new URL('../../ops/container/health.mjs', import.meta.url));
    const env = { PORT: new URL(service.url).port, TLS_CERT: join(folder, 'cert.pem') };
    expect(spawnSync(process.execPath, [health], { env }).status).toBe(0);
  });

  test('and its address is an https URL', () => {
    expect(service.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(service.output()).not.toContain('TLS is expected in front');
  });

  test('creates, waits and answers over it', async () => {
    const tasks = { task_name: 'hello', name: 'John' };
    const { status, body } = await ask('/v1/create', { tasks, block: true });
    expect(status).toBe(200);
    expect((body as Status[])[0]?.result).toBe('Hello John');
  });

  test('redirects to outputs on https, and chains them', async () => {
    const url = `${service.url}/files/sample/raccoon.jpg`;
    const made = await ask('/v1/create_file/cat.jpg', { task: { task_name: 'image.thumb', url, width: 80 } });
    expect(made.status).toBe(302);
    expect(made.location).toMatch(new RegExp(`^${service.url}/files/`));
    expect(await ask(new URL(made.location as string).pathname)).toMatchObject({
      status: 200,
      type: 'image/jpeg',
    });
    const info = await ask('/v1/create', {
      tasks: { task_name: 'image.info', url: made.location },
      block: true,
    });
    expect((info.body as Status[])[0]?.result).toMatchObject({ width: 80 });
  });

  test('refuses a body that is too large', async () => {
    const headers = { Authorization: `Secret ${service.secret}`, 'Content-Length': 1e9 };
    const refused = await new Promise((resolve, reject) => {
      const asked = request(
        `${service.url}/v1/create`,
        { method: 'POST', headers, ca: certificate, agent: false },
        (answer) => resolve(answer.statusCode),
      );
      asked.once('error', reject);
      asked.flushHeaders();
    });
    expect(refused).toBe(413);
  });

  test('is not fooled by a client that does not check: the certificate is ours', async () => {
    await expect(ask('/healthz', undefined, { ca: [] })).rejects.toThrow(/self-signed/);
  });

  test('answers nothing to plain HTTP', async () => {
    const answer = await exchangeRaw(service, rawHead(service, 'GET /healthz')).catch(() => undefined);
    expect(answer?.head ?? '').not.toContain('HTTP/1.1 200');
  });
});
