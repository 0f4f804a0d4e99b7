import type { Exchange } from './exchange.ts';
import { tryLater } from './request-error.ts';
import { UnfinishedBody } from './unfinished-body.ts';

/** What a client may still send of a body that is too large, and how long it may pause, before it is answered all the same. */
const HEARD_OUT_BYTES = 64 * 1024 * 1024;
const HEARD_OUT_MS = 500;

/** The client sent more than it may. The rest is read and dropped: who cuts it off loses the answer to a reset. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

/** For the oldest of the bodies, which is no longer waited for. */
const tooManyBodies = (): Error =>
  tryLater('body', 'body', 'too many bodies of requests are on their way, try again later');

/**
 * The whole body. Rejects with `BodyTooLarge` past `limit` bytes, with a 503 `RequestError` if others need its room; never
 * settles if the client leaves.
 */
export function wholeBody(exchange: Exchange, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let body: UnfinishedBody | undefined;
    let isRefused = false;
    const refuse = (error: Error, isAll = false) => {
      isRefused = true;
      body?.letGo();
      hearOut(exchange, () => reject(error), isAll);
    };
    const announced = exchange.head.header('content-length');
    if (Number(announced) > limit) return refuse(new BodyTooLarge());
    // Behind headers that came in pieces uWebSockets.js does not tell of a body of no bytes.
    if (announced !== '' && Number(announced) === 0) return resolve(Buffer.alloc(0));
    exchange.onData((chunk, isLast) => {
      if (isRefused) return;
      if ((body?.bytes ?? 0) + chunk.byteLength > limit) return refuse(new BodyTooLarge(), isLast);
      // A copy, since the chunk's memory is taken back.
      if (isLast && !body) return resolve(Buffer.from(Buffer.from(chunk)));
      body ??= beginBody(exchange, () => refuse(tooManyBodies()));
      body.add(new Uint8Array(chunk));
      if (isLast && !isRefused) resolve(body.whole());
    });
  });
}

function beginBody(exchange: Exchange, refuse: () => void): UnfinishedBody {
  const body = new UnfinishedBody(refuse);
  exchange.onGone(() => body.letGo());
  return body;
}

/**
 * Calls `then` at once; for a client that wants its connection closed, when it has sent the rest of the body, or pauses. To
 * close a connection on which more is coming resets it, and then the client would not get the answer.
 */
function hearOut(exchange: Exchange, then: () => void, isAll: boolean): void {
  if (isAll || !/\bclose\b/i.test(exchange.head.header('connection'))) return then();
  let bytes = 0;
  const patience = setTimeout(then, HEARD_OUT_MS);
  exchange.onGone(() => clearTimeout(patience));
  exchange.onData((chunk, isLast) => {
    bytes += chunk.byteLength;
    patience.refresh();
    if (!isLast && bytes < HEARD_OUT_BYTES) return;
    clearTimeout(patience);
    then();
  });
}
