import type { WriteStream } from 'node:tty';

/** What takes less needs no bar. */
const SHOW_AFTER_MS = 1_000;
const REDRAW_EVERY_MS = 100;
const WIDTH = 40;

/** The part of a terminal that it needs. */
export type Terminal = Pick<WriteStream, 'isTTY' | 'write'>;

/**
 * How far something has come, on one line of a terminal: `[######      ]  52 %`. Where no terminal looks on it writes
 * nothing. Whoever writes anything else to the same terminal clears it first.
 */
export class ProgressBar {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  readonly #begunAt: number;
  #drawnAt = 0;
  #shown = '';

  constructor(terminal: Terminal, now: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#now = now;
    this.#begunAt = now();
  }

  update(done: number, total: number): void {
    const now = this.#now();
    const isSoon = now - this.#begunAt < SHOW_AFTER_MS || now - this.#drawnAt < REDRAW_EVERY_MS;
    if (!this.#terminal.isTTY || isSoon) return;
    const part = total > 0 ? Math.min(1, Math.max(0, done / total)) : 1;
    const bar = '#'.repeat(Math.floor(part * WIDTH)).padEnd(WIDTH);
    const text = `[${bar}] ${String(Math.floor(part * 100)).padStart(3)} %`;
    this.#drawnAt = now;
    if (text === this.#shown) return;
    this.#terminal.write(`\r${text}`);
    this.#shown = text;
  }

  clear(): void {
    if (this.#shown === '') return;
    this.#terminal.write(`\r${' '.repeat(this.#shown.length)}\r`);
    this.#shown = '';
  }
}
