import { type Logger as Pino, pino } from 'pino';
import { PinoPretty, type PrettyOptions } from 'pino-pretty';
import type { Config } from './config.ts';

export type Logger = Pino;

/** Of lines that cannot be written; what comes on top of them is lost. Far more than one line has. */
const KEPT_BYTES = 16_000_000;

/** One line an event here too: the part before the message, the other fields after it. */
export const ON_A_TERMINAL: PrettyOptions = {
  ignore: 'part',
  messageFormat: '[{part}] {msg}',
  translateTime: 'SYS:HH:MM:ss.l',
  singleLine: true,
};

/**
 * One line an event worth knowing; `part` says which process wrote it, and lines about a task carry `key`.
 *
 * Readable in a terminal, JSON otherwise. Fields that could hold a credential are blanked where they are of the line
 * itself or of an object in it, not further inside, since pino has no pattern for any depth. That is a second net:
 * nothing of ours logs a request's body or headers.
 */
export const createLogger = (part: string, config: Pick<Config, 'LOG_LEVEL'>, dest: 1 | 2 = 1): Logger =>
  pino(
    {
      level: config.LOG_LEVEL,
      base: { part },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: [
          'secret',
          'api_key',
          'authorization',
          'token',
          '*.secret',
          '*.api_key',
          '*.authorization',
          '*.token',
        ],
        censor: '[redacted]',
      },
    },
    (dest === 1 ? process.stdout : process.stderr).isTTY
      ? PinoPretty({ ...ON_A_TERMINAL, destination: dest, sync: true })
      : patient(dest),
  );

/**
 * Where the disk behind it is full, pino's own destination throws at whoever has something to tell, and so ends what it tells
 * of. This one keeps the lines, as far as they fit, until there is room again.
 */
function patient(dest: 1 | 2) {
  const destination = pino.destination({ dest, sync: true, maxLength: KEPT_BYTES });
  destination.on('error', () => {});
  return destination;
}
