import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import type { Moment } from '../../reading.ts';
import { type RecordedEvent, readOrExplain, type Unreadable } from '../../recorded-event.ts';
import { isEventSubject } from '../../subject.ts';
import { eventsFrom, firstSince, momentOf, NEAR, stretchesOf } from '../locate.ts';
import { asArchived, placesOf, seqAt } from './record.ts';
import { ARCHIVE } from './stream.ts';

/**
 * Finds where a date falls among what the archive holds, by the events' own dates, since it may have taken them long
 * after: some twenty reads. Undefined if it holds nothing.
 */
export async function locateArchived(manager: JetStreamManager, date: string): Promise<Moment | undefined> {
  const places = await placesOf(manager);
  if (!places) return undefined;
  const read = stretchesOf(manager, ARCHIVE, readMessage);
  const place = await firstSince(read, date, places);
  if (place === undefined) return afterAll(await seqAt(manager, places.last));
  const [first] = await eventsFrom(read, { seq: places.first }, 1);
  const near = await eventsFrom(read, { seq: Math.max(places.first, place - NEAR) }, 2 * NEAR);
  return momentOf(near, date, first?.seq ?? 0);
}

const afterAll = (last = 0): Moment => ({ from: last + 1, until: last });

function readMessage(message: StoredMsg): RecordedEvent | Unreadable | undefined {
  const { seq, subject, bytes } = asArchived(message);
  return isEventSubject(subject) ? readOrExplain(subject, bytes, seq) : undefined;
}
