import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Stops nats-server when this process is gone. Our own processes notice by their channel that the supervisor
 * died; nats-server has none, so a shell waits for the end of a pipe in its stead.
 */
export class Guard {
  #shell: ChildProcess | undefined;

  watch(pid: number): void {
    this.release();
    const script = 'read -r _; kill -TERM "$0" 2>/dev/null && sleep 3 && kill -KILL "$0" 2>/dev/null';
    this.#shell = spawn('/bin/sh', ['-c', script, String(pid)], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.#shell.unref();
  }

  release(): void {
    this.#shell?.kill('SIGKILL');
    this.#shell = undefined;
  }
}
