import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './until.ts';

/** The program as it was built. */
export const PROGRAM = fileURLToPath(new URL('../../dist/src/cli/wyvern.js', import.meta.url));

type Env = Readonly<Record<string, string>>;

const newFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'wyvern-test-'));

/** Writes an accounts file. */
export const writeAccounts = (path: string, ...accounts: readonly object[]): Promise<void> =>
  writeFile(path, JSON.stringify({ accounts }), { mode: 0o600 });

/** One process of the service, as `ps` shows it. */
export interface ServiceProcess {
  readonly pid: number;
  readonly command: string;
}

/** The real service, started as `npm start` starts it, on a folder and a port of its own. */
export class Service {
  readonly url: string;
  readonly secret: string;
  readonly dataDir: string;
  readonly output: () => string;
  readonly #supervisor: ChildProcess;
  readonly #removeFolder: boolean;

  private constructor(
    supervisor: ChildProcess,
    url: string,
    secret: string,
    dataDir: string,
    output: () => string,
    removeFolder: boolean,
  ) {
    this.#supervisor = supervisor;
    this.url = url;
    this.secret = secret;
    this.dataDir = dataDir;
    this.output = output;
    this.#removeFolder = removeFolder;
  }

  /** Resolves when the service says that it is up and is ready. `env` adds settings; `dataDir` takes a folder that stays. */
  static async start(env: Env = {}, dataDir?: string): Promise<Service> {
    return Service.#start(env, dataDir ?? (await newFolder()), dataDir === undefined);
  }

  /** The same for these accounts, in place of one of its own. Its secret is that of the first. */
  static async startFor(accounts: readonly object[], env: Env = {}): Promise<Service> {
    const folder = await newFolder();
    await writeAccounts(join(folder, 'accounts.json'), ...accounts);
    return Service.#start(env, folder, true);
  }

  static async #start(env: Env, folder: string, removeFolder: boolean): Promise<Service> {
    const supervisor = spawn(process.execPath, [PROGRAM, 'up'], {
      env: { ...process.env, PORT: '0', GRACE: '2', LOG_LEVEL: 'info', SYNC: '1s', ...env, DATA_DIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    supervisor.stdout.on('data', (chunk) => {
      text += chunk;
    });
    supervisor.stderr.on('data', (chunk) => {
      text += chunk;
    });
    const url = await until(() => {
      if (supervisor.exitCode !== null) throw new Error(`the service ended at its start:\n${text}`);
      return /Wyvern is up at (\S+)/.exec(text)?.[1];
    }, 30_000).catch((error: unknown) => {
      supervisor.kill('SIGKILL');
      throw new Error(`the service did not start:\n${text}`, { cause: error });
    });
    const accounts = JSON.parse(await readFile(env.ACCOUNTS_FILE ?? join(folder, 'accounts.json'), 'utf8'));
    const service = new Service(
      supervisor,
      url,
      accounts.accounts[0].secret,
      folder,
      () => text,
      removeFolder,
    );
    if (env.WORKERS !== '0') await service.untilReady();
    return service;
  }

  get accountsFile(): string {
    return join(this.dataDir, 'accounts.json');
  }

  /** The processes that the supervisor runs: `nats-server`, `front`, `worker`. */
  processes(kind: 'nats-server' | 'front' | 'worker'): ServiceProcess[] {
    return processTable().filter(
      ({ ppid, command }) =>
        ppid === this.#supervisor.pid &&
        (kind === 'nats-server' ? / -c .*nats-server\.conf/ : new RegExp(` ${kind}$`)).test(command),
    );
  }

  get pid(): number {
    return this.#supervisor.pid as number;
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { Authorization: `Secret ${this.secret}`, ...(init.headers as Record<string, string>) };
    return fetch(this.url + path, { redirect: 'manual', ...init, headers });
  }

  post(path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
    return this.fetch(path, { method: 'POST', body: JSON.stringify(body), ...init });
  }

  async untilReady(timeoutMs = 20_000): Promise<void> {
    await until(async () => (await this.fetch('/readyz').catch(() => undefined))?.ok, timeoutMs);
  }

  /** SIGTERM, as an operator would. Resolves with the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const ended = this.ended();
    this.#supervisor.kill(signal);
    return ended;
  }

  /** Resolves when the supervisor is gone. */
  ended(): Promise<number | null> {
    const { exitCode, signalCode } = this.#supervisor;
    if (exitCode !== null || signalCode !== null) return Promise.resolve(exitCode);
    return new Promise((resolve) => this.#supervisor.once('exit', (code) => resolve(code)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    if (this.#removeFolder) await rm(this.dataDir, { recursive: true, force: true });
  }
}

/** Every process of the machine. */
export const processTable = (): (ServiceProcess & { readonly ppid: number })[] =>
  execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const match = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line);
      return match ? [{ pid: Number(match[1]), ppid: Number(match[2]), command: match[3] as string }] : [];
    });
