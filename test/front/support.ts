import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import type { HistoryEvent } from '../support/histories.ts';
import type { Service } from '../support/service.ts';

/** A date as the service writes it: ISO 8601, UTC, microseconds. */
export const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/;
export const KEY = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
export const JSON_TYPE = 'application/json; charset=utf-8';

/** A task key of the right shape that no task has. */
export const UNKNOWN_KEY = '7ZZZZZZZZZZZZZZZZZZZZZZZZZ';
export const TASKS = [
  'hello',
  'sleep',
  'image.info',
  'image.thumb',
  'image.sizes',
  'image.gif',
  'image.strip',
];
export const CHOICES = TASKS.map((name) => `'${name}'`).join(', ');

export interface Status {
  readonly status: 'queued' | 'executing' | 'success' | 'error';
  readonly key: string;
  readonly progress?: unknown;
  readonly events: { readonly queued: string; readonly started?: string; readonly completed?: string };
  readonly result?: unknown;
}

export interface DetailedStatus extends Status {
  readonly task: Readonly<Record<string, unknown>>;
  readonly attempts: number;
  readonly task_metas: Readonly<Record<string, unknown>>;
}

interface Problem {
  readonly name: string;
  readonly location: string;
  readonly description: string;
}

export const hello = (name = 'John') => ({ task_name: 'hello', name });
export const sleep = (seconds: number, steps = 0) => ({ task_name: 'sleep', seconds, steps });
export const thumb = (service: Service, parameters: object = {}) => ({
  task_name: 'image.thumb',
  url: sampleUrl(service),
  width: 60,
  ...parameters,
});
export const sampleUrl = (service: Service): string => `${service.url}/files/sample/raccoon.jpg`;

export const problem = (name: string, description: string, location = 'body'): Problem => ({
  name,
  location,
  description,
});

/** The JSON of an answer that is as the contract wants every answer. */
export async function jsonOf<T = unknown>(response: Response, status = 200): Promise<T> {
  const body = await response.text();
  expect(response.status, body).toBe(status);
  expect(response.headers.get('content-type')).toBe(JSON_TYPE);
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  return JSON.parse(body) as T;
}

export const statusesOf = (response: Response): Promise<Status[]> => jsonOf<Status[]>(response);

/** The errors of a refusal, whose body holds nothing else. */
export async function errorsOf(response: Response, status = 400): Promise<Problem[]> {
  const body = await jsonOf<{ status: string; errors: Problem[] }>(response, status);
  expect(Object.keys(body)).toEqual(['status', 'errors']);
  expect(body.status).toBe('error');
  expect(body.errors.length).toBeGreaterThan(0);
  for (const error of body.errors) expect(Object.keys(error)).toEqual(['name', 'location', 'description']);
  return body.errors;
}

/** Creates tasks and answers their statuses; with `block` their final ones. */
export const create = async (service: Service, tasks: unknown, block = false): Promise<Status[]> =>
  statusesOf(await service.post('/v1/create', { tasks, block }));

/** Creates one task and answers its status. */
export async function createOne(service: Service, task: unknown, block = false): Promise<Status> {
  const [status] = await create(service, task, block);
  return status as Status;
}

export const historyOf = async (service: Service, key: string): Promise<HistoryEvent[]> =>
  jsonOf<HistoryEvent[]>(await service.fetch(`/v1/history?task=${key}`));

/** The current value of one of the front's metrics, labels included in its name. */
export async function gauge({ url }: Pick<Service, 'url'>, name: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const line = metrics.split('\n').find((line) => line.startsWith(`${name} `));
  if (line === undefined) throw new Error(`there is no metric ${name}`);
  return Number(line.slice(name.length));
}

/** Parts of a text answer that stays open, cut at `separator`. Leaving the loop hangs up. */
export async function* partsOf(response: Response, separator = '\n'): AsyncGenerator<string> {
  expect(response.status).toBe(200);
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split(separator);
    rest = parts.pop() as string;
    yield* parts;
  }
  expect(rest, 'the feed ended in the middle of a part').toBe('');
}

/** The next part of a feed, which must have one. */
export async function next(parts: AsyncGenerator<string>): Promise<string> {
  const { value, done } = await parts.next();
  if (done) throw new Error('the feed has ended');
  return value;
}

export async function allOf(parts: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const part of parts) all.push(part);
  return all;
}

/** A feed read to its end: the list of its first line, and the statuses that followed. */
export async function feedOf(response: Response): Promise<{ first: Status[]; then: Status[] }> {
  const [first, ...then] = (await allOf(partsOf(response))).map((line) => JSON.parse(line));
  return { first, then };
}

/** A bare connection to the service, for what fetch would not send. */
export function dial(service: Service): Promise<Socket> {
  const { hostname, port } = new URL(service.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => resolve(socket));
    socket.once('error', reject);
  });
}

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Sends bytes as they are on a connection of their own and answers what came back until the service closed it. */
export async function exchangeRaw(service: Service, ...sent: (string | Uint8Array)[]): Promise<RawAnswer> {
  const socket = await dial(service);
  for (const bytes of sent) socket.write(bytes);
  const received = await text(socket);
  const [head = '', ...body] = received.split('\r\n\r\n');
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), head, body: body.join('\r\n\r\n') };
}

/** A request line and headers, closing the connection after the answer. */
export const rawHead = (service: Service, line: string, headers: readonly string[] = []): string =>
  [
    `${line} HTTP/1.1`,
    `Host: ${new URL(service.url).host}`,
    `Authorization: Secret ${service.secret}`,
    'Connection: close',
    ...headers,
    '',
    '',
  ].join('\r\n');
