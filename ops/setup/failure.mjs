/**
 * The machine could not be set up. The message is for the person who typed the command, and is all they
 * see.
 */
export class SetupError extends Error {
  name = 'SetupError';
}

/**
 * Everything that is missing in one message, so that it is not found out start by start. What is not for that
 * person goes alone.
 */
export function inOne(errors) {
  const other = errors.find((error) => !(error instanceof SetupError));
  return other ?? new SetupError(errors.map(({ message }) => message).join('\n\n'));
}

/**
 * What went wrong in a few words, with the reason below it (`fetch failed` says nothing, its cause does).
 */
export function reasonOf(error) {
  if (error.name === 'TimeoutError') return 'no answer in time';
  const cause = error.cause?.message ?? error.cause?.code;
  return cause ? `${error.message} (${cause})` : error.message;
}

/**
 * The text to show for whatever made set-up fail. What the system refused (no space, no permission) is the
 * machine's state, not a bug of ours, and needs no stack either.
 */
export function explain(error) {
  if (error instanceof SetupError) return error.message;
  if (error instanceof Error && 'syscall' in error) return `set-up failed: ${error.message}`;
  return `set-up failed, and this is a bug in it: ${error?.stack ?? error}`;
}
