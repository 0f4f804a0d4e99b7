import { closeSync, openSync } from 'node:fs';
import type { Config } from '../config.ts';
import type { Logger } from '../logger.ts';

/**
 * Ties a process's life to its supervisor's, if it has one: when that is gone it ends too, since nobody would
 * end it later. To be called before anything is waited for: a log that is out of reach may be waited for long.
 */
export function endWithSupervisor(logger: Logger): void {
  const end = (): void => {
    logger.warn('the supervisor is gone');
    process.exit(1);
  };
  // False, not undefined, if the channel was closed while the program was being loaded.
  if (process.connected === false) end();
  if (process.connected) process.on('disconnect', end);
}

/**
 * Lets this process end at once while `isBusy` says that one of its threads is. Node.js waits for them all, and a look-up
 * of a name has its thread for 10 s or more where the name server is dead. It dies by a signal then: whoever has stopped it
 * in order, and is not its supervisor, is told its exit code, and waits.
 */
export function endAtOnce(isBusy: () => boolean): void {
  process.on('exit', (code) => {
    const isAlone = process.connected === undefined;
    if (isBusy() && !(isAlone && code === 0)) process.kill(process.pid, 'SIGKILL');
  });
}

const BEGAN_ON_TERMINAL = process.stdout.isTTY === true && hasTerminal();

/** A SIGHUP says that the terminal was closed on which this was started; of one that is still there, to reload. */
export const onHangUp = (stop: (reason: string) => void, reload: () => void): void =>
  void process.on('SIGHUP', () => (hasLostTerminal() ? stop('the terminal was closed') : reload()));

const hasLostTerminal = (): boolean => BEGAN_ON_TERMINAL && !hasTerminal();

/** False for what the system or another session has started, whatever its output goes to. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

/** Milliseconds that a front or a worker may take to stop, before it ends as it is: its grace time, and some for the end. */
export const stopDeadlineMs = ({ GRACE }: Pick<Config, 'GRACE'>): number => GRACE * 1_000 + 2_500;

/** Ties a process's life to its signals: SIGTERM and SIGINT stop it in order, as does a call of what this returns. */
export function untilStopped(
  logger: Logger,
  stop: () => Promise<void>,
  deadlineMs: number,
): (reason: string) => void {
  let isStopping = false;
  const begin = (reason: string): void => {
    if (isStopping) return;
    isStopping = true;
    logger.info({ reason }, 'stopping');
    setTimeout(() => {
      logger.error('could not stop in order in time');
      process.exit(1);
    }, deadlineMs).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'could not stop in order');
        process.exit(1);
      },
    );
  };
  // A disk that takes no more of our output, or a reader that has left, does not end a service.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => {});
  process.on('SIGTERM', () => begin('SIGTERM'));
  process.on('SIGINT', () => begin('SIGINT'));
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'an error that nobody handled');
    process.exit(1);
  });
  process.on('unhandledRejection', (error) => {
    logger.fatal({ err: error }, 'a rejection that nobody handled');
    process.exit(1);
  });
  return begin;
}
