/** What one fetch may take. The units are in the names; sizes are bytes. */
export interface FetchLimits {
  /** From the beginning of the name's look-up to a connection that is ready, for each hop. */
  readonly connectMs: number;
  /** From the request to the end of the answer's head, for each hop. */
  readonly headersMs: number;
  /** Between two pieces of the body. */
  readonly idleMs: number;
  /** The whole fetch with all its hops. */
  readonly totalMs: number;
  readonly maxBytes: number;
  readonly maxHeaderBytes: number;
  readonly maxRedirects: number;
  /** Characters, both as written and as parsed. */
  readonly maxUrlLength: number;
}

/** What holds where no setting says otherwise. */
export const FETCH_LIMITS: FetchLimits = {
  connectMs: 5_000,
  headersMs: 10_000,
  idleMs: 10_000,
  totalMs: 30_000,
  maxBytes: 50_000_000,
  maxHeaderBytes: 16_384,
  maxRedirects: 5,
  maxUrlLength: 8_192,
};

/** `10 s`, `0.05 s`. */
export const inSeconds = (ms: number): string => `${ms / 1_000} s`;

/** `50 MB`, `1.5 kB`, `12 bytes`; a kB is 1,000 bytes. */
export const inBytes = (bytes: number): string => {
  if (bytes >= 1_000_000) return `${bytes / 1_000_000} MB`;
  return bytes >= 1_000 ? `${bytes / 1_000} kB` : `${bytes} bytes`;
};
