import type { RecordedEvent } from './recorded-event.ts';

/** An event as one line of JSON, for readers of the log; joined by hand, so that what the log holds is shown as it stands there. */
export const eventLine = (
  { seq, at, type, key, name, account, rest }: RecordedEvent,
  isLate: boolean,
): string =>
  `{"seq":${seq},"time":"${at}","type":"${type}","key":"${key}","task_name":"${name}","account":${JSON.stringify(account)},"data":${rest}${isLate ? ',"late":true' : ''}}`;
