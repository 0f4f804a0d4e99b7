/** What JetStream says of a delivery in the subject that acknowledgements would go to. */
export interface DeliveryInfo {
  /** How often the message has been delivered, this time included. */
  readonly count: number;
  /** The message's sequence in the stream. */
  readonly seq: number;
  /** The delivery's own number at its consumer, from 1. */
  readonly order: number;
  /** When the message was stored, in milliseconds since 1970. */
  readonly storedAtMs: number;
  /** Messages that the consumer had still to deliver after this one. */
  readonly pending: number;
}

/**
 * `$JS.ACK.<stream>.<consumer>.<count>.<seq>.<order>.<time>.<pending>`, with domain and account before the stream,
 * and a token at the end, in longer ones.
 */
export function parseAckSubject(reply: string): DeliveryInfo {
  const tokens = reply.split('.');
  const at = tokens.length > 9 ? 6 : 4;
  return {
    count: Number(tokens[at]),
    seq: Number(tokens[at + 1]),
    order: Number(tokens[at + 2]),
    storedAtMs: Math.floor(Number(tokens[at + 3]) / 1e6),
    pending: Number(tokens[at + 4]),
  };
}
