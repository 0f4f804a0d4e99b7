import { TaskFailure } from '../../../actors/failure.ts';
import type { Source } from '../definition.ts';
import { showUrl } from '../show-url.ts';

/** `File 'URL' <what>`: how a client reads what is wrong with a source. Another attempt would end no better. */
export const sourceFailure = ({ url }: Pick<Source, 'url'>, what: string, cause?: unknown): TaskFailure =>
  new TaskFailure(`File '${showUrl(url)}' ${what}`, { cause });
