import { fileURLToPath } from 'node:url';
import {
  type Config,
  childEnvironment,
  natsServerEnvironment,
  natsServerProgram,
  workerEnvironment,
} from '../config.ts';
import { BatchStaging } from '../log/jetstream/batch-staging.ts';
import type { Logger } from '../logger.ts';
import { Child } from './child.ts';
import { Guard } from './guard.ts';
import { Revival } from './revival.ts';

const PROGRAM = fileURLToPath(new URL('./wyvern.js', import.meta.url));

type Variables = Readonly<Record<string, string>>;

/** What front and workers may take beyond the grace time before they are killed. */
const BEYOND_GRACE_MS = 2_000;
const NATS_STOP_MS = 1_500;

/** The processes of a service on this machine: each is started again when it dies, all are stopped in order. */
export class Supervisor {
  readonly #graceMs: number;
  readonly #logger: Logger;
  readonly #servers: Child[] = [];
  readonly #guards: Guard[] = [];
  readonly #fronts: Child[] = [];
  readonly #workers: Child[] = [];
  #revival: Revival | undefined;
  #staging: BatchStaging | undefined;

  constructor({ GRACE }: Pick<Config, 'GRACE'>, logger: Logger) {
    this.#graceMs = GRACE * 1_000;
    this.#logger = logger;
  }

  /** A stop takes under 10 s, unless a longer grace time asks for more. */
  get stopDeadlineMs(): number {
    return Math.max(9_500, this.#graceMs + BEYOND_GRACE_MS + NATS_STOP_MS);
  }

  /** `logFile` is where the server says what it has to say. */
  runServer(name: string, args: readonly string[], variables: Variables, logFile: string): void {
    const guard = new Guard();
    this.#guards.push(guard);
    this.#servers.push(
      new Child({
        name,
        command: natsServerProgram(),
        args,
        env: natsServerEnvironment(variables),
        logFile,
        hasChannel: false,
        logger: this.#logger,
        onStart: (pid) => guard.watch(pid),
        onDeath: () => this.#staging?.serverEnded(),
        onHopeless: () => this.#giveUp(),
      }),
    );
  }

  /** Starts the nats-server anew when a full disk has stopped it, and there is room again. */
  revive(healthUrl: string, folder: string): void {
    const restart = () => {
      for (const server of this.#servers) server.signal('SIGTERM');
    };
    this.#revival = new Revival({ healthUrl, folder, restart, logger: this.#logger });
  }

  /** Has the nats-server stage its batches in memory. */
  stage(store: string, config: Pick<Config, 'MAX_BODY'>): void {
    this.#staging = new BatchStaging({ store, config, logger: this.#logger });
  }

  runFront(name: string, variables: Variables): void {
    this.#fronts.push(this.#own('front', name, childEnvironment(variables)));
  }

  runWorker(name: string, variables: Variables): void {
    this.#workers.push(this.#own('worker', name, workerEnvironment(variables)));
  }

  /** Resolves when the fronts have opened their ports and the workers take tasks. */
  async ready(): Promise<void> {
    await Promise.all([...this.#fronts, ...this.#workers].map((child) => child.ready()));
  }

  /** The accounts file shall be read again. */
  reload(): void {
    for (const front of this.#fronts) front.signal('SIGHUP');
  }

  /** Fronts and workers finish what they hold, then nats-server stops. */
  async stop(): Promise<void> {
    this.#revival?.close();
    const own = [...this.#fronts, ...this.#workers];
    await Promise.all(own.map((child) => child.stop(this.#graceMs + BEYOND_GRACE_MS)));
    await Promise.all(this.#servers.map((server) => server.stop(NATS_STOP_MS)));
    this.#staging?.close();
    for (const guard of this.#guards) guard.release();
  }

  #own(command: string, name: string, env: NodeJS.ProcessEnv): Child {
    return new Child({
      name,
      command: process.execPath,
      args: ['--enable-source-maps', PROGRAM, command],
      env,
      hasChannel: true,
      logger: this.#logger,
      onHopeless: () => this.#giveUp(),
    });
  }

  #giveUp(): void {
    void this.stop().finally(() => process.exit(1));
  }
}
