import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { hold, LARGE_BYTES } from './held-answers.ts';
import { piecesOf } from './pieces.ts';
import { type RequestHead, readHead } from './request-head.ts';

const REASONS: Readonly<Record<number, string>> = {
  200: '200 OK',
  204: '204 No Content',
  206: '206 Partial Content',
  302: '302 Found',
  304: '304 Not Modified',
  400: '400 Bad Request',
  401: '401 Unauthorized',
  404: '404 Not Found',
  405: '405 Method Not Allowed',
  413: '413 Content Too Large',
  416: '416 Range Not Satisfiable',
  422: '422 Unprocessable Content',
  500: '500 Internal Server Error',
  503: '503 Service Unavailable',
};

const STALL_RENEWED_MS = 4_000;
/** A client that takes nothing of a file for so long has gone; one of a feed may be a page that nobody looks at. */
const FILE_STALL_MS = 300_000;
/** As uWebSockets.js has them: with how much has been written, and whether that could be gone on with. */
type WritableHandler = (offset: number) => boolean;

export type Headers = Readonly<Record<string, string>>;

const JSON_TYPE = 'application/json; charset=utf-8';

const JSON_HEADERS: Headers = { 'Content-Type': JSON_TYPE };
/** What a GET is told in JSON is true now: caches keep what does not forbid it, some for a day. */
export const JSON_FOR_NOW: Headers = { ...JSON_HEADERS, 'Cache-Control': 'no-store' };

/** Nobody waits for an answer any more: what would be done for it is of no use. */
export class ClientLeft extends Error {
  override readonly name = 'ClientLeft';
}

/**
 * One request and its answer: the only holder of uWebSockets.js' `res`, which must not be touched after an
 * abort or an end. Here that is a no-op, so the code behind need not know whether the client is still there.
 */
export class Exchange {
  readonly head: RequestHead;
  /** The secret or API key that the request came with, once it has been looked for: no answer says it back. */
  credential: string;
  #res: HttpResponse | undefined;
  #onGone: (() => void)[] = [];
  #gone = false;
  #status = 0;
  #extra: Headers = {};
  #stall: NodeJS.Timeout | undefined;
  /** The client has taken what `write` has written, as far as that is known. */
  #isTaken = true;
  #writable: WritableHandler | undefined;
  #closesConnection = false;
  #letGo: () => void = () => {};
  readonly #onClose: (exchange: Exchange) => void;

  constructor(res: HttpResponse, req: HttpRequest, onClose: (exchange: Exchange) => void) {
    this.#res = res;
    this.#onClose = onClose;
    this.head = readHead(req);
    this.credential = this.head.header('authorization').replace(/^\s*\S+\s+/, '');
    res.onAborted(() => {
      this.#gone = true;
      this.#close();
      for (const callback of this.#onGone) callback();
      this.#onGone = [];
    });
  }

  /** True once the client has left, or has been answered. */
  get closed(): boolean {
    return this.#res === undefined;
  }

  /** Throws `ClientLeft` if it is closed: to be asked between the steps of what takes long. */
  expectClient(): void {
    if (this.closed) throw new ClientLeft('nobody waits for the answer any more');
  }

  /** The status code that was sent; 0 before, and if the client left first. */
  get status(): number {
    return this.#status;
  }

  /** Called if the client leaves before the answer's end; at once if it has left already. */
  onGone(callback: () => void): void {
    if (this.#gone) callback();
    else this.#onGone.push(callback);
  }

  /** Hands on each piece of the body, whose memory is taken back after the call. The last handler counts. */
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): void {
    this.#res?.onData(handler);
  }

  /** The connection shall be closed after the answer, and the client be told so if the answer has not begun. */
  closeConnection(): void {
    this.#closesConnection = true;
  }

  /** Adds headers to the answer, whatever it will be. */
  addHeaders(headers: Headers): void {
    this.#extra = { ...this.#extra, ...headers };
  }

  /** Answers with JSON that is written already. */
  json(status: number, body: string, headers?: Headers): void {
    const always = this.head.method === 'POST' ? JSON_HEADERS : JSON_FOR_NOW;
    this.send(status, body, headers ? { ...always, ...headers } : always);
  }

  /**
   * Answers with a whole body; one above 64 KiB is sent as fast as the client takes it, and counts as held, unless it is in
   * bytes: these are the caller's, who gives the same to all.
   */
  send(status: number, body: string | Uint8Array, headers: Headers): void {
    const bytes = Buffer.byteLength(body);
    // A body after a HEAD would be taken for the beginning of the next answer.
    if (this.head.method === 'HEAD') return this.sendWithoutBody(status, headers, bytes);
    if (bytes > LARGE_BYTES) {
      if (typeof body !== 'string') return void this.sendStream(status, headers, bytes, [body]);
      const letGo = hold(bytes);
      return void this.sendStream(status, headers, bytes, [Buffer.from(body)]).finally(letGo);
    }
    this.#respond((res) => {
      this.#writeHead(res, status, headers);
      res.end(body, this.#closesConnection);
    });
  }

  /** For HEAD, 204 and 304. */
  sendWithoutBody(status: number, headers: Headers, contentLength?: number): void {
    this.#respond((res) => {
      this.#writeHead(res, status, headers);
      // Written as a header of ours: when `endWithoutBody` is given the length, it does not close a connection that the client
      // asked it to close.
      if (contentLength !== undefined) res.writeHeader('Content-Length', String(contentLength));
      // It can be told to close only together with the length, so the client is asked to do it.
      if (this.#closesConnection) res.writeHeader('Connection', 'close');
      res.endWithoutBody();
    });
  }

  /** Any page may follow it: those that isolate themselves from other origins ask the redirect as well as what it leads to. */
  redirect(location: string, headers?: Headers): void {
    this.send(302, '', { Location: location, 'Cross-Origin-Resource-Policy': 'cross-origin', ...headers });
  }

  /** Begins an answer of unknown length. */
  begin(status: number, headers: Headers): void {
    // uWebSockets.js cannot be told here to close the connection, so the client is asked to do it.
    const told = this.#closesConnection ? { ...headers, Connection: 'close' } : headers;
    this.#res?.cork(() => {
      if (this.#res) this.#writeHead(this.#res, status, told);
    });
  }

  /**
   * Resolves when uWebSockets.js no longer gathers what is written here by itself, as it does while it tells of a request: what
   * does not fit there it loses where the system takes only a part. To be awaited before the first `write`.
   */
  untilUncorked(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /**
   * False if the client is slow; the chunk is queued all the same, and `whenTaken` tells when to go on. `filler` is a
   * chunk behind it, see `fillerFor`.
   */
  write(chunk: string, filler = ''): boolean {
    let isWritable = true;
    // Also a chunk that is taken to be sent may still be queued here. Where nobody listens, uWebSockets.js gives the client 10 s
    // for the next chunk once it has taken this one.
    if (!this.#writable) this.#onWritable(() => this.#pushOut());
    for (const piece of piecesOf(chunk))
      this.#res?.cork(() => {
        isWritable = this.#res?.write(piece) ?? true;
      });
    if (filler !== '')
      this.#res?.cork(() => {
        isWritable = this.#res?.write(filler) ?? true;
      });
    this.#isTaken = isWritable;
    if (isWritable) this.#letGo();
    else {
      // To the end of the answer: where it stopped, the last 10 s would run out, whatever the client takes.
      this.#bearStall();
      if (chunk.length > LARGE_BYTES) {
        this.#letGo();
        this.#letGo = hold(Buffer.byteLength(chunk));
      }
    }
    return isWritable;
  }

  /**
   * Calls `then` when the client has taken all that was queued, but for what the system holds of it. To be called when
   * `write` was false; the last callback counts.
   *
   * uWebSockets.js says so as soon as it takes anything. Who wrote more then would queue more than was taken, wherever the
   * system holds little: all of the log, in the end. `filler`, which says nothing, finds out.
   */
  whenTaken(filler: string, then: () => void): void {
    this.#onWritable(() => {
      if (!this.write(filler)) return true;
      this.#onWritable(() => this.#pushOut());
      then();
      return true;
    });
  }

  /** Where there is a handler, uWebSockets.js leaves it to that to push out what it has queued. */
  #pushOut(): boolean {
    this.#res?.cork(() => {});
    return true;
  }

  /** The last handler counts. uWebSockets.js would lose one that is put in another one's place while that runs. */
  #onWritable(handler: WritableHandler): void {
    if (!this.#writable) this.#res?.onWritable((offset) => this.#writable?.(offset) ?? true);
    this.#writable = handler;
  }

  /**
   * uWebSockets.js gives a client that takes nothing 10 s. Pausing and resuming it gives it 10 more, as long as it is
   * there, or for `maxMs`. (Resuming alone does too, but then nobody is told when it takes more.)
   */
  #bearStall(maxMs = Number.POSITIVE_INFINITY): void {
    const until = performance.now() + maxMs;
    this.#stall ??= setInterval(() => {
      if (performance.now() > until) return this.#endStall();
      this.#res?.pause();
      this.#res?.resume();
    }, STALL_RENEWED_MS).unref();
  }

  #endStall(): void {
    clearInterval(this.#stall);
    this.#stall = undefined;
  }

  /**
   * Ends the answer when its client has taken all but what the system holds of it: from then on uWebSockets.js gives it no
   * more than 10 s. `filler` is for `whenTaken`. Resolves then, or when the client has left.
   */
  end(filler: string): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        this.#respond((res) => res.end());
        resolve();
      };
      if (this.#isTaken || this.write(filler)) return end();
      this.onGone(resolve);
      this.whenTaken(filler, end);
    });
  }

  /** Sends `total` bytes as they come, no faster than the client takes them. Rejects if the source does. */
  async sendStream(
    status: number,
    headers: Headers,
    total: number,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<void> {
    this.begin(status, headers);
    try {
      for await (const chunk of chunks) {
        if (!this.#res) return;
        await this.#sendChunk(chunk, total);
      }
    } finally {
      // The source failed, or was shorter than announced: the client must not take what it got for the whole.
      this.abort();
    }
  }

  /** Cuts the connection, so that the client does not take what it has got for the whole answer. */
  abort(): void {
    this.#res?.close();
  }

  #sendChunk(chunk: Uint8Array, total: number): Promise<void> {
    return new Promise((resolve) => {
      const res = this.#res;
      if (!res) return resolve();
      res.cork(() => {
        const start = res.getWriteOffset();
        const [isSent, isDone] = res.tryEnd(chunk, total);
        if (isDone) this.#close();
        if (isSent || isDone) return resolve();
        this.#bearStall(FILE_STALL_MS);
        this.onGone(resolve);
        this.#onWritable((offset) => {
          this.#endStall();
          const [isSentNow, isDoneNow] = res.tryEnd(chunk.subarray(offset - start), total);
          if (isDoneNow) this.#close();
          if (isSentNow || isDoneNow) resolve();
          else this.#bearStall(FILE_STALL_MS);
          return isSentNow;
        });
      });
    });
  }

  #respond(answer: (res: HttpResponse) => void): void {
    const res = this.#res;
    if (!res) return;
    res.cork(() => answer(res));
    this.#onGone = [];
    this.#close();
  }

  #writeHead(res: HttpResponse, status: number, headers: Headers): void {
    this.#status = status;
    res.writeStatus(REASONS[status] ?? String(status));
    res.writeHeader('Access-Control-Allow-Origin', '*');
    // Whatever is said back of what a client sent, no browser shall take it for a page.
    res.writeHeader('X-Content-Type-Options', 'nosniff');
    for (const name in this.#extra) res.writeHeader(name, this.#extra[name] as string);
    for (const name in headers) res.writeHeader(name, headers[name] as string);
  }

  #close(): void {
    if (!this.#res) return;
    this.#res = undefined;
    this.#endStall();
    this.#letGo();
    this.#onClose(this);
  }
}
