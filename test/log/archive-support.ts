import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { createLogger } from '../../src/logger.ts';
import { TestLog } from '../support/nats.ts';
import { until } from '../support/until.ts';
import { lifeOfNow, never } from './reading-support.ts';

/** A log with an archive, and what an operator does to both. */
export class ArchiveStage implements AsyncDisposable {
  readonly server: TestLog;
  readonly log: JetStreamLog;
  readonly manager: JetStreamManager;
  /** What was logged of an archive that was opened. */
  readonly told: string[] = [];

  private constructor(server: TestLog, log: JetStreamLog, manager: JetStreamManager) {
    this.server = server;
    this.log = log;
    this.manager = manager;
  }

  static async start(ARCHIVE_DAYS = '30'): Promise<ArchiveStage> {
    const server = await TestLog.start({ ARCHIVE_DAYS });
    const { log, connection } = await server.open();
    return new ArchiveStage(server, log, await jetstreamManager(connection));
  }

  /** The log as a process with other settings opens it. */
  async open(settings: {
    readonly ARCHIVE_DAYS?: number;
    readonly MAX_ARCHIVE_BYTES?: number;
  }): Promise<JetStreamLog> {
    const { connection } = await this.server.open();
    const logger = createLogger('test', this.server.config);
    const tell = (...args: unknown[]) => void this.told.push(args.map(String).join(' '));
    const telling = new Proxy(logger, {
      get: (target, name) => (name === 'error' || name === 'warn' ? tell : Reflect.get(target, name)),
    });
    return JetStreamLog.open(connection, { ...this.server.config, ...settings }, telling);
  }

  /** Whole lives of tasks, dated now, since the archive finds them by their dates; resolves with the last sequence. */
  async fill(tasks: number, log = this.log): Promise<number> {
    let last = 0;
    for (let left = tasks; left > 0; left -= 100)
      last = await log.appendAll(
        Array.from({ length: Math.min(100, left) }, () => lifeOfNow('hello')).flat(),
      );
    return last;
  }

  /** Waits until the archive has taken what the log has up to there. */
  archived(through: number, log = this.log): Promise<unknown> {
    return until(async () => {
      const archive = await log.upkeep.archive().catch(() => undefined);
      return (archive?.through ?? 0) >= through;
    });
  }

  letGo(before: number): Promise<unknown> {
    return this.manager.streams.purge('TASKS', { seq: before });
  }

  stream(name: 'TASKS' | 'ARCHIVE') {
    return this.manager.streams.info(name);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server[Symbol.asyncDispose]();
  }
}

/** Everything up to a sequence, as it is stored, one line each; but for when, which the archive does not know. Throws on a gap. */
export async function recordsOf(log: JetStreamLog, through: number): Promise<string[]> {
  const found: string[] = [];
  for await (const { entries } of log.readRecords({ after: 0, through, signal: never }))
    for (const entry of entries) {
      if ('gap' in entry) throw new Error(`a gap from ${entry.gap.from} to ${entry.gap.to}`);
      found.push(`${entry.seq} ${entry.subject} ${Buffer.from(entry.bytes).toString('latin1')}`);
    }
  return found;
}
