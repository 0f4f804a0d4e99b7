import { eventLine } from '../log/event-line.ts';
import type { Gap } from '../log/reading.ts';
import type { RecordedEvent, Unreadable } from '../log/recorded-event.ts';

/** How a history feed says things: each as one JSON text. */
export interface Wording {
  event(event: RecordedEvent, isLate: boolean): string;
  gap(gap: Gap['gap']): string;
  unreadable(unreadable: Unreadable['unreadable']): string;
  /** All has been told up to this sequence. */
  heartbeat(seq: number): string;
}

export const PLAIN: Wording = {
  event: eventLine,
  gap: (gap) => JSON.stringify({ gap }),
  unreadable: (unreadable) => JSON.stringify({ unreadable }),
  heartbeat: (seq) => JSON.stringify({ heartbeat: { seq } }),
};

/**
 * The same as CloudEvents 1.0. An event's id is its sequence; the task's key is the subject. What is not in the log
 * as an event, a gap or a heartbeat, is said as one all the same, so that every line can be read alike.
 *
 * `source` is the service's own URL.
 */
export function cloudEvents(source: string): Wording {
  const from = `"source":${JSON.stringify(source)},"datacontenttype":"application/json"`;
  const own = (type: string, id: string, data: object): string =>
    `{"specversion":"1.0","id":"${id}","type":"wyvern.log.${type}",${from},"data":${JSON.stringify(data)}}`;
  return {
    event: ({ seq, at, type, key, name, account, rest }, isLate) =>
      `{"specversion":"1.0","id":"${seq}","type":"wyvern.task.${type}",${from},"subject":"${key}","time":"${at}","taskname":"${name}","account":${JSON.stringify(account)},${isLate ? '"late":true,' : ''}"data":${rest}}`,
    gap: (gap) => own('gap', `gap-${gap.from}-${gap.to}`, gap),
    unreadable: (unreadable) => own('unreadable', `unreadable-${unreadable.seq}`, unreadable),
    heartbeat: (seq) => own('heartbeat', `heartbeat-${seq}`, { seq }),
  };
}
