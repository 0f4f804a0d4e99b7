import { type ChildProcess, spawn } from 'node:child_process';
import { PROGRAM, processTable, type ServiceProcess } from './service.ts';
import { until } from './until.ts';

/** One command of the program, on its own: for starts that are refused, and for parts that run alone. */
export class Program {
  readonly #process: ChildProcess;
  #output = '';

  constructor(command: string, env: Readonly<Record<string, string>>, args: readonly string[] = []) {
    const { NATS_URL: _, ...inherited } = process.env;
    this.#process = spawn(process.execPath, [PROGRAM, command, ...args], {
      env: { ...inherited, PORT: '0', GRACE: '1', LOG_LEVEL: 'info', SYNC: '1s', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on('data', (chunk) => {
        this.#output += chunk;
      });
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  /** What it has written so far, to both of its streams. */
  get output(): string {
    return this.#output;
  }

  /** Resolves with the exit code, or the signal that ended it, once all that it wrote has arrived. */
  ended(): Promise<number | NodeJS.Signals | null> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return Promise.resolve(exitCode ?? signalCode);
    return new Promise((resolve) => this.#process.once('close', (code, signal) => resolve(code ?? signal)));
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Stops it in order, and waits until nothing of it is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    const below = descendants(this.pid);
    this.kill('SIGTERM');
    await this.ended();
    await untilGone(below, 10_000);
  }
}

/** Every process below this one. */
export function descendants(pid: number): ServiceProcess[] {
  const table = processTable();
  const below = (parent: number): ServiceProcess[] =>
    table
      .filter(({ ppid }) => ppid === parent)
      .flatMap(({ pid, command }) => [{ pid, command }, ...below(pid)]);
  return below(pid).filter(({ command }) => !command.startsWith('ps '));
}

/** Those of the processes that still run. A number may meanwhile be another process's, so commands are compared. */
export function remaining(processes: readonly ServiceProcess[]): ServiceProcess[] {
  const running = new Map(processTable().map(({ pid, command }) => [pid, command]));
  return processes.filter(({ pid, command }) => running.get(pid) === command);
}

/** Waits until the processes are gone. Those that are not in time are killed, and it fails. */
export async function untilGone(processes: readonly ServiceProcess[], timeoutMs: number): Promise<void> {
  let left: readonly ServiceProcess[] = processes;
  await until(() => {
    left = remaining(left);
    return left.length === 0;
  }, timeoutMs).catch((cause) => {
    for (const { pid } of left) process.kill(pid, 'SIGKILL');
    throw new Error(`still running: ${left.map(({ pid, command }) => `${pid} ${command}`).join(', ')}`, {
      cause,
    });
  });
}
