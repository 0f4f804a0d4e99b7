import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import type { Moment } from '../../reading.ts';
import { type RecordedEvent, readOrExplain, type Unreadable } from '../../recorded-event.ts';
import { isEventSubject } from '../../subject.ts';
import { eventsFrom, firstDated, momentOf, NEAR, stretchesOf } from '../locate.ts';
import { asArchived, seqAt, slotsOf } from './record.ts';
import { ARCHIVE } from './stream.ts';

/**
 * Finds where a date falls among what the archive holds, by the events' own dates, since it may have taken them long
 * after: some twenty reads. Undefined if it holds nothing.
 */
export async function locateArchived(manager: JetStreamManager, date: string): Promise<Moment | undefined> {
  const slots = await slotsOf(manager);
  if (!slots) return undefined;
  const read = stretchesOf(manager, ARCHIVE, readMessage);
  const slot = await firstDated(read, date, slots);
  if (slot === undefined) return afterAll(await seqAt(manager, slots.last));
  const [first] = await eventsFrom(read, { seq: slots.first }, 1);
  const near = await eventsFrom(read, { seq: Math.max(slots.first, slot - NEAR) }, 2 * NEAR);
  return momentOf(near, date, first?.seq ?? 0);
}

const afterAll = (last = 0): Moment => ({ from: last + 1, until: last });

function readMessage(message: StoredMsg): RecordedEvent | Unreadable | undefined {
  const { seq, subject, bytes } = asArchived(message);
  return isEventSubject(subject) ? readOrExplain(subject, bytes, seq) : undefined;
}
