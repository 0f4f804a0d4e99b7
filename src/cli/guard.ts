import { type ChildProcess, spawn } from 'node:child_process';

/** How long to wait where the shell cannot be started. */
const AGAIN_MS = 1_000;

/**
 * Stops nats-server when this process is gone. Our own processes notice by their channel that the supervisor
 * died; nats-server has none, so a shell waits for the end of a pipe in its stead.
 */
export class Guard {
  #shell: ChildProcess | undefined;
  #again: NodeJS.Timeout | undefined;

  watch(pid: number): void {
    this.release();
    const script = 'read -r _; kill -TERM "$0" 2>/dev/null && sleep 3 && kill -KILL "$0" 2>/dev/null';
    const again = () => {
      this.#again = setTimeout(() => this.watch(pid), AGAIN_MS).unref();
    };
    try {
      this.#shell = spawn('/bin/sh', ['-c', script, String(pid)], {
        stdio: ['pipe', 'ignore', 'ignore'],
        detached: true,
      });
      this.#shell.once('error', again);
      this.#shell.unref();
    } catch {
      again();
    }
  }

  release(): void {
    clearTimeout(this.#again);
    this.#shell?.kill('SIGKILL');
    this.#shell = undefined;
  }
}
