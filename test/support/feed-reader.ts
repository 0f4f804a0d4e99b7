/** A feed as its client sees it: what has come so far, and how it ended. */
export interface FeedReader {
  readonly lines: readonly unknown[];
  /** `ended` if the service closed it after its last line, `cut` if the connection broke. */
  readonly closed: Promise<'ended' | 'cut'>;
}

/** Reads an NDJSON feed in the background. */
export function readFeed(answer: Response): FeedReader {
  const lines: unknown[] = [];
  const read = async (): Promise<'ended' | 'cut'> => {
    let rest = '';
    try {
      for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const parts = (rest + chunk).split('\n');
        rest = parts.pop() as string;
        lines.push(...parts.map((line) => JSON.parse(line)));
      }
      return 'ended';
    } catch {
      return 'cut';
    }
  };
  return { lines, closed: read() };
}
