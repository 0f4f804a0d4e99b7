import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HttpOrigin } from '../support/http-origin.ts';
import { Service } from '../support/service.ts';

let service: Service;
let origin: HttpOrigin;
beforeAll(async () => {
  origin = await HttpOrigin.start(({ url = '' }, response) => {
    if (url === '/silent') return;
    if (url === '/stalls') return void response.writeHead(200, { 'Content-Length': 900 }).write('begun');
    if (url === '/moved') return void response.writeHead(302, { Location: '/large' }).end();
    response.end(Buffer.alloc(1_001));
  });
  service = await Service.start({
    FETCH_ALLOW: '127.0.0.1',
    FETCH_HEADERS_TIMEOUT: '1.5',
    FETCH_IDLE_TIMEOUT: '0.3',
    FETCH_MAX_BYTES: '1000',
    FETCH_MAX_REDIRECTS: '0',
    ATTEMPTS: '1',
  });
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
});

describe('the limits of a fetch are settings', () => {
  it.each([
    ['/large', 'is larger than 1 kB'],
    ['/silent', 'did not answer within 1.5 s'],
    ['/stalls', 'sent nothing for 0.3 s'],
    ['/moved', 'redirects more than 0 times'],
  ])('%s: %s', async (path, says) => {
    const url = origin.url + path;
    const answer = await service.post('/v1/create', { tasks: { task_name: 'image.info', url }, block: true });
    expect(await answer.json()).toMatchObject([{ status: 'error', result: `File '${url}' ${says}` }]);
  });
});

it.runIf(process.platform === 'linux')('a worker has threads for many look-ups', async () => {
  const [worker] = service.processes('worker');
  const environment = await readFile(`/proc/${worker?.pid}/environ`, 'utf8');
  expect(environment.split('\0')).toContain('UV_THREADPOOL_SIZE=32');
});
