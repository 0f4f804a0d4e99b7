import type { Logger } from '../logger.ts';

/**
 * Ties a process's life to its signals and, under a supervisor, to the supervisor's: SIGTERM and SIGINT stop
 * it in order; when the supervisor is gone it stops too, since nobody would stop it later.
 */
export function untilStopped(logger: Logger, stop: () => Promise<void>, deadlineMs: number): void {
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
  process.on('SIGTERM', () => begin('SIGTERM'));
  process.on('SIGINT', () => begin('SIGINT'));
  if (process.channel) {
    process.on('disconnect', () => {
      logger.warn('the supervisor is gone');
      process.exit(1);
    });
  }
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'an error that nobody handled');
    process.exit(1);
  });
  process.on('unhandledRejection', (error) => {
    logger.fatal({ err: error }, 'a rejection that nobody handled');
    process.exit(1);
  });
}
