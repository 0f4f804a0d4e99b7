import './all-errors.ts';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import Type, { type Static, type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { noEntry, parseEntry } from './fetch-allow.ts';
import { parseUrl } from './parse-url.ts';

const text = (description: string, fallback?: string) =>
  fallback === undefined
    ? Type.Optional(Type.String({ description }))
    : Type.String({ description, default: fallback });
const integer = (description: string, fallback: number, minimum: number, maximum: number) =>
  Type.Integer({ description, default: fallback, minimum, maximum });
const seconds = (description: string, fallback: number) =>
  Type.Number({
    description: `seconds ${description}`,
    default: fallback,
    minimum: 0.1,
    maximum: 3_600,
  });

/** Characters of the longest text that Node.js can make of a body. */
const MAX_TEXT = 2 ** 29 - 24;

/** Every setting, as an environment variable. The README's table is held to this schema by a test. */
export const Settings = Type.Object({
  HOST: text('address the front listens on', '127.0.0.1'),
  PORT: integer('port the front listens on; 0 takes a free one', 8080, 0, 65_535),
  PUBLIC_URL: text('address under which clients reach the service; `http(s)://HOST:PORT` if empty'),
  DATA_DIR: text(
    'folder of the log, the outputs and the accounts file; a front keeps up to 1 GB of ended tasks there, in files without a name; requests of several tasks pass through `/dev/shm`, where there is one with room',
    './data',
  ),
  NATS_URL: text('nats-server(s) to use, comma-separated; empty: an embedded one under DATA_DIR'),
  NATS_STORE: text(
    'store folder of the nats-server at NATS_URL, if that is on this machine and leaves it to fronts and workers to put the log on disk; `npm start` sets it for its own',
  ),
  NATS_CA: text(
    'certificate authority (PEM file) that the nats-servers of `tls://` URLs are held to; the system’s own if empty',
  ),
  REPLICAS: integer(
    'copies of the log, and of outputs in JetStream, each on a nats-server of its own; 3 survives the loss of one machine, and needs a cluster at NATS_URL',
    1,
    1,
    5,
  ),
  ACCOUNTS_FILE: text('accounts, as JSON; `DATA_DIR/accounts.json` if empty'),
  WORKERS: integer('worker processes that `npm start` runs', 1, 0, 64),
  CONCURRENCY: integer('tasks that one worker runs at once', 400, 1, 10_000),
  MEDIA_CONCURRENCY: integer('of these, tasks with sources to fetch and pixels to work on', 100, 1, 10_000),
  ATTEMPTS: integer('attempts before a task ends in error', 3, 1, 100),
  TASK_TIMEOUT: Type.Number({
    description: 'seconds that one attempt may work, waiting for a free decoder apart (`sleep` is exempt)',
    default: 60,
    minimum: 0.1,
    maximum: 86_400,
  }),
  GRACE: Type.Number({
    description: 'seconds that a process may take to finish what it holds when it is told to stop',
    default: 6,
    minimum: 0,
    maximum: 3_600,
  }),
  SYNC: Type.Enum(['always', '1s'], {
    description: 'when an acknowledged event is on disk: `always` before the answer, `1s` within a second',
    default: 'always',
  }),
  FETCH_ALLOW: text(
    'hosts, `host:port` or CIDRs that sources may name though not public, comma-separated',
    '',
  ),
  FETCH_PORTS: text('ports that sources may name, comma-separated', '80,443'),
  FETCH_TIMEOUT: seconds('that fetching one source may take, redirects included', 30),
  FETCH_CONNECT_TIMEOUT: seconds(
    'from the beginning of the look-up of a name to a connection that is ready',
    5,
  ),
  FETCH_HEADERS_TIMEOUT: seconds('from a request to the end of the headers of its answer', 10),
  FETCH_IDLE_TIMEOUT: seconds('between two pieces of a body', 10),
  FETCH_MAX_BYTES: integer('bytes of one source', 50_000_000, 1, 500_000_000),
  FETCH_MAX_REDIRECTS: integer('redirects that a source may take', 5, 0, 20),
  RETENTION_DAYS: Type.Number({
    description: 'days that the log keeps an event',
    default: 7,
    minimum: 0.01,
    maximum: 3_650,
  }),
  ARCHIVE_DAYS: Type.Number({
    description:
      'days that an event is kept in the archive, which history is read from when the log has let go of it; more than RETENTION_DAYS; 0: no archive',
    default: 0,
    minimum: 0,
    maximum: 36_500,
  }),
  MAX_ARCHIVE_BYTES: integer(
    'bytes that the archive may hold, before compression; then its oldest events go',
    30_000_000_000,
    16_000_000,
    2 ** 50,
  ),
  MAX_LOG_BYTES: integer('bytes that the log may take on disk', 10_000_000_000, 16_000_000, 2 ** 50),
  MAX_LOG_EVENTS: integer(
    'events that the log may hold; nats-server has 110 bytes of memory for each, 220 for those in use',
    3_000_000,
    1_000,
    1e12,
  ),
  STORAGE: Type.Enum(['disk', 'jetstream'], {
    description:
      'where outputs lie: `disk`, a folder under DATA_DIR, or `jetstream`, for machines that share nothing else; what was stored at one is not found at the other',
    default: 'disk',
  }),
  MAX_FILES_BYTES: integer('bytes that outputs may take in JetStream', 10_000_000_000, 16_000_000, 2 ** 50),
  CACHE_SECONDS: integer(
    'seconds in which a GET of `create_file` is answered with a file that was made before; 0: never',
    3_600,
    0,
    31_536_000,
  ),
  SWEEP_SECONDS: Type.Number({
    description:
      'seconds in which all outputs are held against the log, and those without a task removed; 0: never',
    default: 3_600,
    minimum: 0,
    maximum: 604_800,
  }),
  MAX_BODY: integer(
    'bytes of a request body, which may have 100,000 members and 32 levels at most',
    8 * 1024 * 1024,
    1_024,
    MAX_TEXT,
  ),
  MAX_TASKS: integer('tasks, or keys, in one request', 1_000, 1, 1_000),
  MAX_CONNECTIONS: integer(
    'connections of clients that a front holds, as far as its limit of open files goes, of which it leaves 256 for other things; further ones are closed at once',
    100_000,
    1,
    1_000_000,
  ),
  TLS_CERT: text('certificate chain (PEM file); with TLS_KEY the service speaks HTTPS'),
  TLS_KEY: text('private key (PEM file)'),
  LOG_LEVEL: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'], {
    description: 'least severe log line to write',
    default: 'info',
  }),
});
type Settings = Static<typeof Settings>;

export interface Config extends Settings {
  readonly PUBLIC_URL: string;
  readonly ACCOUNTS_FILE: string;
  readonly DATA_DIR: string;
  readonly fetchPorts: readonly number[];
  readonly fetchAllow: readonly string[];
}

/** The settings are wrong. The message has one line for each violation, and is fit for a terminal as it is. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Sets what a process hands to itself or to its children; the environment is touched in this file only. */
export const childEnvironment = (overrides: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  ...process.env,
  ...overrides,
});

/**
 * The environment of a worker: 32 threads for calls that block, of which libuv gives half to look-ups of names, since a
 * thread is kept for tens of seconds where a name server is dead. libuv reads it when the first file is read, so a process
 * cannot set it for itself. What the operator says counts more.
 */
export const workerEnvironment = (overrides: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  UV_THREADPOOL_SIZE: '32',
  ...childEnvironment(overrides),
});

/** How many look-ups of names libuv runs at once in this process, but for one, at least 2. */
export function lookUpThreads(): number {
  const threads = Number.parseInt(process.env.UV_THREADPOOL_SIZE ?? '', 10) || 4;
  // NATS is looked up too.
  return Math.max(2, Math.floor((threads + 1) / 2) - 1);
}

/** The nats-server that the set-up found, or the one on PATH. */
export const natsServerProgram = (): string => process.env.NATS_SERVER || 'nats-server';

/**
 * The environment of a nats-server that runs beside fronts and workers: half of the cores for its own threads. With 1
 * of 2 a `hello` took 49 instead of 65 µs of its CPU, and a fifth more of them were done in the same time: it no longer
 * wakes the other core for each message. What the operator says to Go's runtime counts more than what we do.
 */
export function natsServerEnvironment(overrides: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { GOMEMLIMIT } = process.env;
  return {
    GOMAXPROCS: String(Math.max(1, Math.floor(availableParallelism() / 2))),
    ...childEnvironment(overrides),
    ...(GOMEMLIMIT && { GOMEMLIMIT }),
  };
}

/** uWebSockets.js reads this as it is loaded; its own 4 kB would not hold a status request for 150 keys. */
export const allowLargeHeaders = (): void => {
  process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= '65536';
};

/** Reads the settings once and for all. Throws `ConfigError` naming every violation at once. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const given = Object.fromEntries(
    Object.keys(Settings.properties)
      .filter((name) => (env[name] ?? '').trim() !== '')
      .map((name) => [name, convert(name as keyof Settings, env[name]?.trim() ?? '')]),
  );
  const settings = Value.Default(Settings, given) as Settings;
  const dataDir = resolve(settings.DATA_DIR);
  const config: Config = {
    ...settings,
    PUBLIC_URL: (settings.PUBLIC_URL ?? defaultPublicUrl(settings)).replace(/\/+$/, ''),
    DATA_DIR: dataDir,
    ACCOUNTS_FILE: resolve(settings.ACCOUNTS_FILE ?? join(dataDir, 'accounts.json')),
    fetchPorts: splitList(settings.FETCH_PORTS).map(Number),
    fetchAllow: splitList(settings.FETCH_ALLOW),
  };
  const violations = [...schemaViolations(settings, env), ...furtherViolations(settings, config)];
  if (violations.length > 0) throw new ConfigError(violations.join('\n'));
  return config;
}

const schemaViolations = (settings: Settings, env: NodeJS.ProcessEnv): string[] =>
  Value.Errors(Settings, settings).map((error) => {
    const name = error.instancePath.slice(1);
    const rule =
      error.keyword === 'enum' ? `must be one of: ${error.params.allowedValues.join(', ')}` : error.message;
    return `${name} ${rule}, it is '${env[name]}'`;
  });

/** What the schema cannot say. */
function furtherViolations(settings: Settings, { DATA_DIR, fetchPorts, fetchAllow }: Config): string[] {
  const { FETCH_PORTS, TLS_CERT, TLS_KEY, PUBLIC_URL, ARCHIVE_DAYS, RETENTION_DAYS, NATS_URL } = settings;
  const violations: string[] = [];
  if (fetchPorts.some((port) => !Number.isInteger(port) || port < 1 || port > 65_535))
    violations.push(`FETCH_PORTS must be a list of ports from 1 to 65535, it is '${FETCH_PORTS}'`);
  violations.push(...fetchAllow.filter((entry) => !parseEntry(entry)).map(noEntry));
  if ((TLS_CERT === undefined) !== (TLS_KEY === undefined))
    violations.push('TLS_CERT and TLS_KEY go together: set both or neither');
  if (PUBLIC_URL !== undefined) violations.push(...wrongWithPublicUrl(PUBLIC_URL));
  if (ARCHIVE_DAYS > 0 && ARCHIVE_DAYS <= RETENTION_DAYS)
    violations.push(`ARCHIVE_DAYS must be more than RETENTION_DAYS, or 0, it is '${ARCHIVE_DAYS}'`);
  // nats-server is told of it in a file, and does not take it from there as it stands.
  if (/\p{Cc}/u.test(DATA_DIR))
    violations.push(`DATA_DIR must have no control characters, it is ${JSON.stringify(DATA_DIR)}`);
  // Not what it is: a token may stand in it.
  if (NATS_URL !== undefined && !isListOfServers(NATS_URL))
    violations.push('NATS_URL must be a list of servers, as in nats://token@host:4222');
  return violations;
}

/**
 * A number where one is asked for. What is none stays text, and 1.5 stays what it is, for the check to name: TypeBox's
 * own conversion makes 1 of it where an integer is asked for.
 */
function convert(name: keyof Settings, text: string): string | number {
  const schema: TSchema = Settings.properties[name];
  const number = Type.IsInteger(schema) || Type.IsNumber(schema) ? Number(text) : Number.NaN;
  return Number.isNaN(number) ? text : number;
}

/** What a setting names, separated by commas. */
export const splitList = (list: string): string[] =>
  list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

/** Paths are written behind it, and clients are sent there. */
function wrongWithPublicUrl(text: string): string[] {
  const url = parseUrl(text);
  // Not what it is: a password may stand in it.
  if (url && url.username + url.password !== '') return ['PUBLIC_URL must have no user name and no password'];
  const shown = text.includes('@') ? '' : `, it is '${text}'`;
  // `new URL` also takes it with fewer slashes, or with more; those who get it in an answer do not.
  if (!url || !/^https?:\/\/[^/\\]/i.test(text)) return [`PUBLIC_URL must be an http or https URL${shown}`];
  return /[?#\s\p{Cc}]/u.test(text)
    ? [`PUBLIC_URL must have no query, no fragment and no white space${shown}`]
    : [];
}

/** `nats://…`, `tls://…`, or only `host:port`. */
const isNatsUrl = (url: string): boolean => {
  const whole = parseUrl(url.includes('://') ? url : `nats://${url}`);
  return whole !== undefined && /^(nats|tls):$/.test(whole.protocol) && whole.host !== '';
};

const isListOfServers = (list: string): boolean => {
  const urls = splitList(list);
  return urls.length > 0 && urls.every(isNatsUrl);
};

const defaultPublicUrl = ({ HOST, PORT, TLS_CERT }: Settings): string => {
  const host = HOST === '0.0.0.0' || HOST === '::' ? 'localhost' : HOST.includes(':') ? `[${HOST}]` : HOST;
  return `${TLS_CERT === undefined ? 'http' : 'https'}://${host}:${PORT}`;
};
