import { type Dispatcher, errors } from 'undici';
import { type Head, readHead, tooLarge } from './answer.ts';
import type { Connection } from './connection.ts';
import { Fault, Unanswered } from './fault.ts';
import { type FetchLimits, inBytes, inSeconds } from './limits.ts';
import type { Sink } from './sink.ts';
import type { Watch } from './watch.ts';

/** A whole body, as counted, or where else to look. */
export type Outcome =
  | { readonly kind: 'whole'; readonly bytes: number; readonly contentType: string | undefined }
  | { readonly kind: 'redirect'; readonly location: string };

interface ExchangeParts {
  readonly limits: FetchLimits;
  readonly sink: Sink;
  readonly watch: Watch;
}

/** One request on one connection, its body into the sink. Rejects with `Fault` or the watch's reason. */
export function exchange(connection: Connection, path: string, parts: ExchangeParts): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const { watch } = parts;
    const onAbort = () => receiver.fail(watch.signal.reason);
    const receiver = new Receiver(connection, parts, {
      resolve: (outcome) => {
        watch.signal.removeEventListener('abort', onAbort);
        resolve(outcome);
      },
      reject: (error) => {
        watch.signal.removeEventListener('abort', onAbort);
        connection.destroy();
        reject(error);
      },
    });
    watch.signal.addEventListener('abort', onAbort);
    const { headersMs } = parts.limits;
    watch.expect(headersMs, `did not answer within ${inSeconds(headersMs)}`);
    if (watch.signal.aborted) onAbort();
    else connection.get(path, receiver);
  });
}

interface Settle {
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

/**
 * What undici calls while an answer comes in: nothing, then a head, then pieces of a body, then an end.
 *
 * An error can come at any point, and from three sides: the network, the watch, and the sink. The first one
 * settles the exchange and closes the connection; whatever is called after that is ignored.
 */
class Receiver implements Dispatcher.DispatchHandler {
  readonly #connection: Connection;
  readonly #limits: FetchLimits;
  readonly #sink: Sink;
  readonly #watch: Watch;
  #settle: Settle | undefined;
  #head: Head | undefined;
  #bytes = 0;

  constructor(connection: Connection, parts: ExchangeParts, settle: Settle) {
    this.#connection = connection;
    this.#limits = parts.limits;
    this.#sink = parts.sink;
    this.#watch = parts.watch;
    this.#settle = settle;
  }

  onRequestStart(): void {}

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200 || this.#settle === undefined) return;
    this.#connection.endHead();
    try {
      this.#head = readHead(status, headers, this.#limits);
    } catch (error) {
      this.fail(error);
      return;
    }
    // A redirect's body is of no interest, and reading it only to keep the connection could take for ever.
    if (this.#head.kind === 'redirect') {
      this.#succeed(this.#head);
      this.#connection.destroy();
    } else {
      this.#sink.expect(this.#head.length ?? 0);
      this.#expectMore();
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, piece: Buffer): void {
    if (this.#settle === undefined) return;
    this.#bytes += piece.byteLength;
    if (this.#bytes > this.#limits.maxBytes) {
      this.fail(tooLarge(this.#limits.maxBytes));
      return;
    }
    const hasRoom = this.#sink.add(piece);
    if (this.#connection.isHeld) return;
    if (hasRoom) this.#watch.refresh();
    else this.#hold();
  }

  #hold(): void {
    this.#connection.hold();
    // The disk's slowness is not the source's.
    this.#watch.rest();
    this.#sink.drained().then(
      () => {
        if (this.#settle === undefined) return;
        this.#expectMore();
        this.#connection.release();
      },
      (error: unknown) => this.fail(error),
    );
  }

  onResponseEnd(): void {
    const mayBeShort = this.#head?.kind === 'body' && this.#head.endsWithConnection;
    if (mayBeShort && this.#connection.wasReset) this.fail(this.#cutOff());
    else this.#succeed({ kind: 'whole', bytes: this.#bytes, contentType: this.#contentType });
  }

  get #contentType(): string | undefined {
    return this.#head?.kind === 'body' ? this.#head.contentType : undefined;
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(this.#explain(error));
  }

  fail(error: unknown): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.reject(error);
  }

  #succeed(outcome: Outcome): void {
    const settle = this.#settle;
    this.#settle = undefined;
    // The connection may be used again before the last piece is written; undici is in the middle of a piece now.
    if (this.#connection.isHeld) process.nextTick(() => this.#connection.release());
    settle?.resolve(outcome);
  }

  #expectMore(): void {
    const { idleMs } = this.#limits;
    this.#watch.expect(idleMs, `sent nothing for ${inSeconds(idleMs)}`);
  }

  #explain(cause: Error): Fault {
    if (this.#head !== undefined)
      return isNotHttp(cause) ? new Fault('did not answer in HTTP', { cause }) : this.#cutOff(cause);
    if (cause instanceof errors.HeadersOverflowError)
      return new Unanswered(`answered with headers larger than ${inBytes(this.#limits.maxHeaderBytes)}`, {
        cause,
      });
    if (isNotHttp(cause) || isSenseless(cause)) return new Unanswered('did not answer in HTTP', { cause });
    return new Unanswered('closed the connection without an answer', { passing: true, cause });
  }

  #cutOff(cause?: Error): Fault {
    const promised = this.#head?.kind === 'body' ? this.#head.length : undefined;
    const whole = promised === undefined ? '' : ` of ${promised}`;
    return new Fault(`was cut off after ${this.#bytes}${whole} bytes`, { passing: true, cause });
  }
}

const isNotHttp = (error: Error): boolean =>
  error instanceof errors.HTTPParserError && !/EOF/.test(error.message);

// Lengths that contradict each other, and 1xx answers that nobody asked for. Undici has no words of their own for them.
const isSenseless = (error: Error): boolean =>
  error instanceof errors.ResponseContentLengthMismatchError ||
  (error instanceof errors.SocketError && error.message.startsWith('bad '));
