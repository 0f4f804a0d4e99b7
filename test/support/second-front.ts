import { freePort } from '../../src/free-port.ts';
import { Program } from './program.ts';
import { natsUrlOf } from './raw-log.ts';
import type { Service } from './service.ts';
import { until } from './until.ts';

/** Another front on the log, the accounts and the files of a service. */
export class SecondFront {
  readonly url: string;
  readonly #program: Program;

  private constructor(url: string, program: Program) {
    this.url = url;
    this.#program = program;
  }

  /** Resolves when it answers. */
  static async start(service: Service, env: Readonly<Record<string, string>> = {}): Promise<SecondFront> {
    const port = String(await freePort());
    const url = `http://127.0.0.1:${port}`;
    const program = new Program('front', {
      ...env,
      NATS_URL: await natsUrlOf(service.dataDir),
      DATA_DIR: service.dataDir,
      PUBLIC_URL: service.url,
      PORT: port,
    });
    await until(async () => (await fetch(`${url}/healthz`).catch(() => undefined))?.ok, 20_000);
    return new SecondFront(url, program);
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    this.#program.kill('SIGKILL');
    await this.#program.ended();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#program[Symbol.asyncDispose]();
  }
}
