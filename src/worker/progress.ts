import type { StoredOutput } from '../../actors/event.ts';
import type { Json } from '../tasks/definition.ts';

/** Progress reaches the log at most this often; in between the last report counts. Outputs do not wait. */
const EVERY_MS = 200;

/** What a progress event says. It always says all there is, since of an attempt's progress events the last counts. */
export interface Said {
  readonly progress?: Json;
  readonly outputs?: StoredOutput[];
  readonly company?: number;
}

/**
 * The progress events of one attempt: reports, thinned out, and at once the outputs that are stored and the company that
 * a suspect gets.
 *
 * They are written one after the other. Two on their way to the log could overtake each other, and the older one,
 * as the last, would take back an output that has been announced.
 */
export class ProgressReports {
  readonly #write: (said: Said) => Promise<boolean>;
  #progress: Json | undefined;
  #outputs: readonly StoredOutput[] = [];
  #company: number | undefined;
  /** The company that the log has been told of. */
  #storedCompany: number | undefined;
  #isUnsaid = false;
  #isUrgent = false;
  #isClosed = false;
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wroteAt = Number.NEGATIVE_INFINITY;

  /** `write` resolves with whether the event is stored. */
  constructor(write: (said: Said) => Promise<boolean>) {
    this.#write = write;
  }

  report(value: Json): void {
    this.#progress = value;
    this.#isUnsaid = true;
    this.#schedule();
  }

  /** Tells of an output that is durable. */
  announce(output: StoredOutput): void {
    this.#outputs = [...this.#outputs, output];
    this.#isUnsaid = true;
    this.#isUrgent = true;
    this.#schedule();
  }

  /**
   * Tells that other suspects are about to begin beside this attempt. Resolves with whether the log has it; it is not
   * said again by itself.
   */
  async accompany(company: number): Promise<boolean> {
    this.#company = company;
    this.#isUnsaid = true;
    await this.flush();
    await this.#writing;
    return this.#storedCompany === company;
  }

  /** Writes what has been held back. Resolves when that is on its way to the log, behind all that was before it. */
  async flush(): Promise<void> {
    await this.#writing;
    if (this.#isUnsaid && !this.#isClosed) this.#say();
  }

  /** Nothing more is written: the attempt is over. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (!this.#isUnsaid || this.#isClosed || this.#writing) return;
    const waitMs = this.#isUrgent ? 0 : this.#wroteAt + EVERY_MS - performance.now();
    if (waitMs <= 0) this.#say();
    else this.#timer ??= setTimeout(() => this.#say(), waitMs);
  }

  #say(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isUnsaid = false;
    this.#isUrgent = false;
    this.#wroteAt = performance.now();
    const progress = this.#progress === undefined ? {} : { progress: this.#progress };
    const outputs = this.#outputs.length === 0 ? {} : { outputs: [...this.#outputs] };
    const company = this.#company;
    const beside = company === undefined ? {} : { company };
    this.#writing = this.#write({ ...progress, ...outputs, ...beside }).then((isStored) => {
      this.#writing = undefined;
      if (isStored) this.#storedCompany = company;
      // A lost report is not written again. An output is: someone may wait for it.
      this.#isUnsaid ||= !isStored && this.#outputs.length > 0;
      this.#schedule();
    });
  }
}
