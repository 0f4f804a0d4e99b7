/** A line for the person at the terminal: what they need to go on, not a log line. */
export const say = (text: string): void => void process.stdout.write(`${text}\n`);

export const complain = (text: string): void => void process.stderr.write(`${text}\n`);

/** The service cannot run as it is set up. The message is one clear line, without a stack. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';
}
