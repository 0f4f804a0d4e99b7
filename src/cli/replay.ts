import type { Config } from '../config.ts';
import { type ImportOptions, LogNotEmpty } from '../log/import.ts';
import { JetStreamImport } from '../log/jetstream/import.ts';
import { JetStreamLog } from '../log/jetstream/jetstream-log.ts';
import { LogFull, LogUnavailable } from '../log/log.ts';
import { createLogger } from '../logger.ts';
import { FileProblem } from '../replay/file-problem.ts';
import { importFile } from '../replay/import.ts';
import { REPLAY_USAGE, type ReplayOptions, readReplayOptions, UsageError } from '../replay/options.ts';
import { BROKEN_OFF, READ_ENOUGH, replay as replayLog } from '../replay/replay.ts';
import { StorageFailure } from '../storage/storage.ts';
import { type LogServer, openServer, openServerForImport } from './log-server.ts';
import { watchLog } from './log-watch.ts';
import { ProgressBar } from './progress-bar.ts';
import { onReaderGone } from './reader-gone.ts';
import { openStorageToRead } from './storage.ts';
import { CannotStart, complain, say } from './terminal.ts';

/** Reads the log for a person or a program; ends the process. Only an import writes, and only where there is no log. */
export async function replay(config: Config, args: readonly string[]): Promise<void> {
  if (args.includes('--help')) return say(REPLAY_USAGE);
  // Who does not hear what goes wrong still gets the exit code, and nothing is left behind.
  process.stderr.on('error', () => {});
  try {
    const options = readReplayOptions(args);
    const abort = new AbortController();
    // A terminal or a connection that is closed says it with a SIGHUP.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => abort.abort(BROKEN_OFF));
    const output = watchOutput(abort);
    if (options.follow) onReaderGone(() => abort.abort(READ_ENOUGH));
    const run = options.mode === 'import' ? importLog : readLog;
    const code = await run(config, options, abort);
    process.exitCode = output.isBroken ? 1 : code;
  } catch (error) {
    if (error instanceof UsageError) {
      complain(`${error.message}\n\n${REPLAY_USAGE}`);
      process.exitCode = 2;
    } else if (error instanceof FileProblem) {
      complain(error.message);
      process.exitCode = 1;
    } else if (isAboutTheLog(error)) throw new CannotStart(error.message, { cause: error });
    else throw error;
  }
}

/** Ends the reading with its output. Who reads it may leave; a file that takes no more is a failure. */
function watchOutput(abort: AbortController): { readonly isBroken: boolean } {
  const output = { isBroken: false };
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    abort.abort(READ_ENOUGH);
    if (error.code === 'EPIPE' || output.isBroken) return;
    output.isBroken = true;
    // For the last line, which may fail when all else is over.
    process.exitCode = 1;
    complain(`cannot write what was read: ${error.message}`);
  });
  return output;
}

const isAboutTheLog = (error: unknown): error is Error =>
  error instanceof LogUnavailable ||
  error instanceof LogNotEmpty ||
  error instanceof LogFull ||
  error instanceof StorageFailure;

async function readLog(config: Config, options: ReplayOptions, abort: AbortController): Promise<number> {
  await using server = await openServer(config);
  const log = await openLog(config, server);
  const bar = new ProgressBar(process.stderr);
  // Lines that roll by on the same terminal tell as much, and what follows has no end to come to.
  const isSeen = options.mode === 'show' && (process.stdout.isTTY || options.follow || options.speed);
  const parts = {
    log,
    storage: () => openStorageToRead(config, server.connection),
    write: writer(bar),
    progress: isSeen ? () => {} : (done: number, total: number) => bar.update(done, total),
    signal: abort.signal,
  };
  const tell = (text: string) => {
    bar.clear();
    complain(text);
  };
  const watching = watchLog({ log, signal: abort.signal, tell });
  // Aborted when the reading is over, it ends; until then it only ever rejects.
  const lost = watching.then(() => new Promise<never>(() => {}));
  try {
    return await Promise.race([replayLog(parts, options), lost]);
  } finally {
    abort.abort();
    bar.clear();
    await log.close();
  }
}

async function importLog(config: Config, options: ReplayOptions, abort: AbortController): Promise<number> {
  await using server = await openServerForImport(config);
  const bar = new ProgressBar(process.stderr);
  try {
    const parts = {
      begin: (what: ImportOptions) => JetStreamImport.begin(server.connection, config, what),
      write: writer(bar),
      progress: (done: number, total: number) => bar.update(done, total),
      signal: abort.signal,
    };
    return await importFile(parts, { file: options.file as string, json: options.json });
  } finally {
    bar.clear();
    await server.connection.drain().catch(() => {});
  }
}

async function openLog(
  given: Config,
  { connection, store = given.NATS_STORE }: LogServer,
): Promise<JetStreamLog> {
  const config = store === undefined ? given : { ...given, NATS_STORE: store };
  const log = await JetStreamLog.openExisting(connection, config, createLogger('replay', config, 2));
  if (log) return log;
  throw new CannotStart('the nats-server has no log');
}

/** Resolves when there is room for more, or nobody to write to any longer. */
const writer = (bar: ProgressBar) => {
  let wake = (): void => {};
  for (const event of ['drain', 'close', 'error']) process.stdout.on(event, () => wake());
  return (line: string): Promise<void> =>
    new Promise((resolve) => {
      if (process.stdout.isTTY) bar.clear();
      wake = resolve;
      if (process.stdout.write(`${line}\n`) || process.stdout.destroyed) resolve();
    });
};
