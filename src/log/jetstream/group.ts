import type { BatchMessage } from './publish-batch.ts';

export interface Message extends BatchMessage {
  /** The event's own id; empty for a record that is none. */
  readonly id: string;
}

/** Messages that are stored together or not at all. */
export interface Group {
  readonly messages: readonly Message[];
  /** None of them has been sent with others before: where one is stored, so are all, or will be. */
  readonly isWhole: boolean;
  /** By `performance.now()`. */
  readonly giveUpAt: number;
  /** Told of the last one's sequence. */
  resolve(seq: number): void;
  reject(error: Error): void;
}

/** False if the log would store it again. */
export const isRepeatable = ({ messages }: Group): boolean =>
  messages.every(({ headers }) => headers.length > 0);
