/** A file that cannot be written or read, or does not hold what it should. The message is one clear line. */
export class FileProblem extends Error {
  override readonly name = 'FileProblem';

  /** Of an error that the system, or a decompressor, has a code for; any other as it is. */
  static of(what: 'write' | 'read', file: string, error: unknown): unknown {
    const { code, message } = error as NodeJS.ErrnoException;
    const isOfTheFile = typeof code === 'string' && /^(E[A-Z]+|Z_|ZSTD_|ERR_ZSTD|ERR_ZLIB)/.test(code);
    return isOfTheFile && !code.startsWith('ERR_STREAM')
      ? new FileProblem(`cannot ${what} ${file}: ${message}`, { cause: error })
      : error;
  }
}
