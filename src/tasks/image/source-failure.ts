import { TaskFailure } from '../../../actors/failure.ts';
import type { Source } from '../definition.ts';
import { MemoryFailure } from '../memory-failure.ts';
import { showUrl } from '../show-url.ts';

type Named = Pick<Source, 'url'>;

/** `File 'URL' <what>`: how a client reads what is wrong with a source. Another attempt would end no better. */
export const sourceFailure = (source: Named, what: string, cause?: unknown): TaskFailure =>
  new TaskFailure(sourceText(source, what), { cause });

/** What a client reads when memory was short for a source. */
export const hungrySource = (source: Named, cause: unknown): MemoryFailure =>
  new MemoryFailure(sourceText(source, 'needs more memory than one task may take'), { cause });

const sourceText = ({ url }: Named, what: string): string => `File '${showUrl(url)}' ${what}`;
