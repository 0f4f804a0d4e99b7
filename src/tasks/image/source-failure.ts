import { TaskFailure } from '../../../actors/failure.ts';
import type { Source } from '../definition.ts';

const SHOWN_LENGTH = 300;

/** `File 'URL' <what>`: how a client reads what is wrong with a source. Another attempt would end no better. */
export function sourceFailure({ url }: Source, what: string, cause?: unknown): TaskFailure {
  const printable = url.replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd');
  const shown = printable.length > SHOWN_LENGTH ? `${printable.slice(0, SHOWN_LENGTH - 1)}…` : printable;
  return new TaskFailure(`File '${shown}' ${what}`, { cause });
}
