import type { FailureOptions } from '../../../actors/failure.ts';

/**
 * What is wrong with a source, as the rest of a sentence that its name begins: `answered 404`.
 *
 * The fetcher puts the name in front and throws the whole as a `TaskFailure`. The message is read by
 * strangers: it never holds an address that a name was resolved to.
 */
export class Fault extends Error {
  override readonly name: string = 'Fault';
  /** Whether another attempt could end otherwise. */
  readonly passing: boolean;
  /** For how long the source asked to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.passing = options.passing ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The connection failed before the head of an answer was read; on a kept connection that proves nothing. */
export class Unanswered extends Fault {
  override readonly name = 'Unanswered';
}

const CONNECTING: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  ETIMEDOUT: 'no answer from its address',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to it',
  EADDRNOTAVAIL: 'no route to it',
};

const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'not yet valid',
  CERT_REVOKED: 'revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'of an unknown issuer',
  UNABLE_TO_GET_ISSUER_CERT: 'of an unknown issuer',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'of an unknown issuer',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'of an unknown issuer',
  CERT_UNTRUSTED: 'of an unknown issuer',
  INVALID_CA: 'of an issuer that may not issue it',
  PATH_LENGTH_EXCEEDED: 'of an issuer that may not issue it',
  CERT_SIGNATURE_FAILURE: 'not signed by its issuer',
  ERR_TLS_CERT_ALTNAME_INVALID: 'for another name',
  HOSTNAME_MISMATCH: 'for another name',
  INVALID_PURPOSE: 'for another purpose',
  EE_KEY_TOO_SMALL: 'too weak',
  CA_KEY_TOO_SMALL: 'too weak',
  CA_MD_TOO_WEAK: 'too weak',
  CERT_CHAIN_TOO_LONG: 'not valid',
  CERT_REJECTED: 'not valid',
  ERROR_IN_CERT_NOT_AFTER_FIELD: 'not valid',
  ERROR_IN_CERT_NOT_BEFORE_FIELD: 'not valid',
  UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY: 'not valid',
  UNABLE_TO_DECRYPT_CERT_SIGNATURE: 'not valid',
  // Node's word for what OpenSSL finds wrong with a certificate and it has no word for.
  UNSPECIFIED: 'not valid',
};

// Name services that answered, and said no. Whatever else goes wrong with a lookup may go right next time.
const NO_SUCH_NAME = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME', 'EAI_NONAME', 'EAI_NODATA']);

/** The system's or a library's short name for an error; empty without one. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** For an error while a name was looked up. */
export const lookupFault = (cause: unknown): Fault =>
  NO_SUCH_NAME.has(codeOf(cause))
    ? new Fault('could not be found', { cause })
    : new Fault('could not be looked up', { passing: true, cause });

/** For an error while a connection was being made, TLS included. */
export function connectFault(cause: unknown): Fault {
  const code = codeOf(cause);
  const certificate = CERTIFICATE[code];
  if (certificate !== undefined) return new Fault(`has a certificate that is ${certificate}`, { cause });
  // OpenSSL's own complaints: what answers there is no TLS, or none that this runtime still speaks.
  if (/^(ERR_SSL_|ERR_TLS_|EPROTO)/.test(code))
    return new Fault('does not speak TLS as it should', { cause });
  return new Fault(`could not be reached: ${CONNECTING[code] ?? 'connection failed'}`, {
    passing: true,
    cause,
  });
}
