import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { AccountsFileError, FileAccounts } from '../accounts/file-accounts.ts';
import { type Config, childEnvironment, natsServerProgram } from '../config.ts';
import { probePort } from '../free-port.ts';
import { prepareEmbeddedServer } from '../log/embedded-server.ts';
import { createLogger, type Logger } from '../logger.ts';
import { Child } from './child.ts';
import { Guard } from './guard.ts';
import { untilStopped } from './lifecycle.ts';
import { lockFolder } from './lock.ts';
import { withPort } from './port.ts';
import { CannotStart, say } from './terminal.ts';
import { welcome } from './welcome.ts';

const PROGRAM = fileURLToPath(new URL('./wyvern.js', import.meta.url));

/** Runs the whole service on this machine: nats-server, unless there is one already, one front, the workers. */
export async function up(given: Config): Promise<void> {
  const config = await withPort(given);
  if (config.REPLICAS > 1 && !config.NATS_URL)
    throw new CannotStart(`REPLICAS=${config.REPLICAS} needs a cluster of nats-servers: set NATS_URL to it`);
  const logger = createLogger('up', config);
  await mkdir(config.DATA_DIR, { recursive: true, mode: 0o700 });
  await lockFolder(config.DATA_DIR);
  await checkPort(config);
  const secret = await createAccounts(config);
  const supervisor = new Supervisor(config, logger);
  untilStopped(logger, () => supervisor.stop(), stopDeadlineMs(config));
  process.on('SIGHUP', () => supervisor.reload());
  await supervisor.start();
  for (const line of await welcome(config, secret)) say(line);
}

/** What front and workers may take beyond the grace time before they are killed. */
const BEYOND_GRACE_MS = 2_000;
const NATS_STOP_MS = 1_500;
/** A stop takes under 10 s, unless a longer grace time asks for more. */
const stopDeadlineMs = ({ GRACE }: Config): number =>
  Math.max(9_500, GRACE * 1_000 + BEYOND_GRACE_MS + NATS_STOP_MS);

class Supervisor {
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #guard = new Guard();
  #nats: Child | undefined;
  #front: Child | undefined;
  #workers: Child[] = [];

  constructor(config: Config, logger: Logger) {
    this.#config = config;
    this.#logger = logger;
  }

  /** Resolves when the front has opened its port and the workers take tasks. */
  async start(): Promise<void> {
    const natsUrl = this.#config.NATS_URL ?? (await this.#startNats());
    const env = childEnvironment({
      NATS_URL: natsUrl,
      PORT: String(this.#config.PORT),
      PUBLIC_URL: this.#config.PUBLIC_URL,
    });
    this.#front = this.#own('front', 'front', env);
    this.#workers = Array.from({ length: this.#config.WORKERS }, (_, index) =>
      this.#own('worker', `worker ${index + 1}`, env),
    );
    await Promise.all([this.#front, ...this.#workers].map((child) => child.ready()));
  }

  /** The accounts file shall be read again. */
  reload(): void {
    this.#front?.signal('SIGHUP');
  }

  /** Front and workers finish what they hold, then nats-server stops. */
  async stop(): Promise<void> {
    const graceMs = this.#config.GRACE * 1_000 + BEYOND_GRACE_MS;
    const own = [this.#front, ...this.#workers];
    await Promise.all(own.map((child) => child?.stop(graceMs)));
    await this.#nats?.stop(NATS_STOP_MS);
    this.#guard.release();
  }

  async #startNats(): Promise<string> {
    const server = await prepareEmbeddedServer(this.#config);
    this.#nats = new Child({
      name: 'nats-server',
      command: natsServerProgram(),
      args: server.args,
      env: childEnvironment({}),
      hasChannel: false,
      logger: this.#logger,
      onStart: (pid) => this.#guard.watch(pid),
      onHopeless: () => this.#giveUp(),
    });
    return server.url;
  }

  #own(command: string, name: string, env: NodeJS.ProcessEnv): Child {
    const args = ['--enable-source-maps', PROGRAM, command];
    const { logger } = { logger: this.#logger };
    return new Child({
      name,
      command: process.execPath,
      args,
      env,
      hasChannel: true,
      logger,
      onHopeless: () => this.#giveUp(),
    });
  }

  #giveUp(): void {
    void this.stop().finally(() => process.exit(1));
  }
}

/** Says in one line that the port is taken, before anything is started. */
async function checkPort({ HOST, PORT }: Config): Promise<void> {
  try {
    await probePort(HOST, PORT);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'the port is in use' : message;
    throw new CannotStart(`cannot listen on ${HOST}:${PORT}: ${reason}; set PORT to another one`);
  }
}

/** The new secret, if this start wrote the accounts file. */
async function createAccounts({ ACCOUNTS_FILE }: Config): Promise<string | undefined> {
  try {
    const accounts = await FileAccounts.open({ path: ACCOUNTS_FILE });
    await accounts.close();
    return accounts.createdSecret;
  } catch (error) {
    throw error instanceof AccountsFileError ? new CannotStart(error.message) : error;
  }
}
