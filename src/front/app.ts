import uws, { type us_listen_socket } from 'uWebSockets.js';
import { setTimeout as delay } from 'node:timers/promises';
import { LogFull, LogUnavailable, UnreadableHistory } from '../log/log.ts';
import { SlotMap } from '../slot-map.ts';
import { StorageFailure } from '../storage/storage.ts';
import { cancel } from './endpoints/cancel.ts';
import { create, createStream } from './endpoints/create.ts';
import { createFileByGet, createFileByPost } from './endpoints/create-file.ts';
import { docs, openapi } from './endpoints/docs.ts';
import { file } from './endpoints/file.ts';
import { files } from './endpoints/files.ts';
import { history } from './endpoints/history.ts';
import { historyStream } from './endpoints/history-stream.ts';
import { healthz, metrics, readyz, tasks } from './endpoints/service.ts';
import { status, statusStream } from './endpoints/status.ts';
import { ClientLeft, Exchange } from './exchange.ts';
import type { FrontParts } from './front-parts.ts';
import { askAgainIn, errorBody, type Problem, RequestError } from './request-error.ts';
import { listen, newServer, type Server } from './server.ts';
import { BodyTooLarge } from './whole-body.ts';

type Endpoint = (parts: FrontParts, exchange: Exchange, rest: string) => Promise<void> | void;
type Route = Readonly<Record<string, Endpoint>>;

/** Every path, and what each method does there. A path that ends in a slash takes one more segment, or more. */
export const ROUTES: Readonly<Record<string, Route>> = {
  '/v1/create': { POST: create },
  '/v1/create_stream': { POST: createStream },
  '/v1/create_file': { GET: createFileByGet, POST: createFileByPost },
  '/v1/create_file/': { GET: createFileByGet, POST: createFileByPost },
  '/v1/status': { GET: status, POST: status },
  '/v1/status_stream': { GET: statusStream, POST: statusStream },
  '/v1/stream': { GET: statusStream, POST: statusStream },
  '/v1/file': { GET: file },
  '/v1/file/': { GET: file },
  '/v1/cancel': { POST: cancel },
  '/v1/history': { GET: history },
  '/v1/history_stream': { GET: historyStream },
  '/v1/tasks': { GET: tasks },
  '/files/': { GET: files, HEAD: files },
  '/healthz': { GET: healthz },
  '/readyz': { GET: readyz },
  '/metrics': { GET: metrics },
  '/openapi.json': { GET: openapi },
  '/docs': { GET: docs },
};
/** What answers at once and changes nothing; there HEAD is GET, and `Exchange` leaves out the body. */
const PAGES: ReadonlySet<Endpoint | undefined> = new Set([tasks, healthz, readyz, metrics, openapi, docs]);
const EXACT = new Map(Object.entries(ROUTES));
const PREFIXES = Object.keys(ROUTES).filter((path) => path.endsWith('/'));

/** The HTTP side of the front. */
export class App {
  readonly #parts: FrontParts;
  readonly #app: Server;
  readonly #open = new SlotMap<number, Exchange>();
  #exchanges = 0;
  #isDraining = false;
  #socket: us_listen_socket | undefined;

  constructor(parts: FrontParts) {
    this.#parts = parts;
    this.#app = newServer(parts.config);
    this.#app.filter((res, change) => parts.connections.count(res, change as number));
    this.#app.any('/*', (res, req) => this.#handle(res, req));
  }

  /** Requests that have not been answered yet, open feeds included. */
  get openExchanges(): number {
    return this.#open.size;
  }

  /** Opens the port, for this process alone. Rejects with `CannotListen`. */
  async listen(host: string, port: number): Promise<void> {
    this.#socket = await listen(this.#app, host, port);
  }

  /** Takes no more connections. Those that are open are closed after their next answer, which tells their clients. */
  drain(): void {
    this.#isDraining = true;
    for (const exchange of this.#open.values()) exchange.closeConnection();
    this.#stopListening();
  }

  /** Resolves when every request has been answered, or after `maxMs`. */
  async untilIdle(maxMs: number): Promise<void> {
    const deadline = performance.now() + maxMs;
    while (this.#open.size > 0 && performance.now() < deadline) await delay(20);
  }

  /** Answers every request that still waits for something: its client shall ask another front. */
  refuseWaiting(): void {
    const description = 'the service is stopping; tasks that were created go on, ask again';
    const body = errorBody([{ name: 'service', location: 'path', description }]);
    for (const exchange of this.#open.values())
      if (exchange.status === 0) exchange.json(503, body, askAgainIn(1));
  }

  /** Closes what is still open. */
  close(): void {
    this.#stopListening();
    this.#app.close();
  }

  #stopListening(): void {
    if (this.#socket) uws.us_listen_socket_close(this.#socket);
    this.#socket = undefined;
  }

  #handle(res: uws.HttpResponse, req: uws.HttpRequest): void {
    const startedAt = performance.now();
    let route = 'none';
    const number = this.#exchanges++;
    const exchange = new Exchange(res, req, (closed) => {
      this.#open.delete(number);
      this.#parts.metrics.answered(route, closed.status, (performance.now() - startedAt) / 1_000);
    });
    this.#open.set(number, exchange);
    if (this.#isDraining) exchange.closeConnection();
    const found = findRoute(exchange.head.path);
    if (found) route = found.path;
    try {
      const answered = this.#dispatch(exchange, found);
      if (answered) answered.catch((error: unknown) => this.#answerError(exchange, error));
    } catch (error) {
      this.#answerError(exchange, error);
    }
  }

  #dispatch(exchange: Exchange, found: Found | undefined): Promise<void> | void {
    const { method, path } = exchange.head;
    if (!found)
      throw new RequestError(404, [
        { name: 'path', location: 'path', description: `there is nothing at '${path.slice(0, 200)}'` },
      ]);
    if (method === 'OPTIONS') return answerPreflight(exchange, found.route);
    const endpoint = endpointOf(found.route, method);
    if (endpoint) return endpoint(this.#parts, exchange, found.rest);
    const description = `${method} is not allowed here, use ${methodsOf(found.route).join(' or ')}`;
    throw new RequestError(405, [{ name: 'method', location: 'path', description }], {
      Allow: allow(found.route),
    });
  }

  /** The one place where errors become answers. */
  #answerError(exchange: Exchange, error: unknown): void {
    if (error instanceof ClientLeft) return;
    if (error instanceof RequestError)
      return exchange.json(error.status, errorBody(error.problems, exchange.credential), error.headers);
    const { config, logger } = this.#parts;
    if (error instanceof BodyTooLarge) {
      const description = `body is larger than ${config.MAX_BODY} bytes`;
      return exchange.json(413, errorBody([{ name: 'body', location: 'body', description }]));
    }
    if (error instanceof UnreadableHistory) {
      const description = error.message;
      logger.error({ err: error, path: exchange.head.path }, description);
      return exchange.json(500, errorBody([{ name: 'log', location: 'path', description }]));
    }
    const later = asksForPatience(error);
    if (later) {
      if (error instanceof StorageFailure)
        logger.error({ err: error, path: exchange.head.path }, later.description);
      return exchange.json(503, errorBody([later]), askAgainIn(1));
    }
    logger.error({ err: error, path: exchange.head.path }, 'an endpoint failed unexpectedly');
    const description = 'the service failed in a way that it did not foresee';
    exchange.json(500, errorBody([{ name: 'service', location: 'path', description }]));
  }
}

/** What is the matter with something that we stand on; undefined if the error is none of those. */
function asksForPatience(error: unknown): Problem | undefined {
  const problem = (name: string, what: string): Problem => ({
    name,
    location: 'path',
    description: `${what}, try again later`,
  });
  if (error instanceof LogFull) return problem('log', 'the log is full');
  if (error instanceof LogUnavailable) return problem('log', 'the log is out of reach');
  if (error instanceof StorageFailure) return problem('storage', 'the outputs are out of reach');
  return undefined;
}

interface Found {
  readonly path: string;
  readonly route: Route;
  readonly rest: string;
}

function findRoute(path: string): Found | undefined {
  const exact = path.endsWith('/') ? undefined : EXACT.get(path);
  if (exact) return { path, route: exact, rest: '' };
  const prefix = PREFIXES.find((candidate) => path.startsWith(candidate));
  const route = prefix && EXACT.get(prefix);
  return route && prefix ? { path: prefix, route, rest: path.slice(prefix.length) } : undefined;
}

function endpointOf(route: Route, method: string): Endpoint | undefined {
  if (method === 'HEAD' && PAGES.has(route.GET)) return route.GET;
  return Object.hasOwn(route, method) ? route[method] : undefined;
}

const methodsOf = (route: Route): string[] => [
  ...Object.keys(route),
  ...(PAGES.has(route.GET) ? ['HEAD'] : []),
];

const allow = (route: Route): string => [...methodsOf(route), 'OPTIONS'].join(', ');

/** Headers that a page may send to us. */
const ALLOWED_HEADERS = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'Last-Event-ID',
  'Cache-Control',
  'If-Modified-Since',
  'If-None-Match',
  'If-Range',
  'Range',
].join(', ');

function answerPreflight(exchange: Exchange, route: Route): void {
  exchange.sendWithoutBody(204, {
    Allow: allow(route),
    'Access-Control-Allow-Methods': allow(route),
    'Access-Control-Allow-Headers': ALLOWED_HEADERS,
    'Access-Control-Max-Age': '86400',
  });
}
