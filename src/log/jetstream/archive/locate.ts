import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import type { Moment } from '../../reading.ts';
import { readOrExplain } from '../../recorded-event.ts';
import { isEventSubject } from '../../subject.ts';
import { isNothingFound } from '../history.ts';
import { type Dated, momentOf, NEAR } from '../locate.ts';
import { asArchived, placesOf, seqAt } from './record.ts';
import { ARCHIVE } from './stream.ts';

/** At most two records of a create stand before its events. */
const TO_NEXT_EVENT = 4;

/**
 * Finds where a date falls among what the archive holds, by the events' own dates, since it may have taken them long
 * after: some twenty reads. Undefined if it holds nothing.
 */
export async function locateArchived(manager: JetStreamManager, date: string): Promise<Moment | undefined> {
  const places = await placesOf(manager);
  if (!places) return undefined;
  let { first: low, last: high } = places;
  high += 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [event] = await readEvents(manager, middle, TO_NEXT_EVENT);
    // Where there is none, the archive ends.
    if (!event || event.at >= date) high = middle;
    else low = middle + 1;
  }
  if (low > places.last) return afterAll(await seqAt(manager, places.last));
  const [first] = await readEvents(manager, places.first, TO_NEXT_EVENT);
  const near = await readEvents(manager, Math.max(places.first, low - NEAR), 2 * NEAR);
  return momentOf(near, date, first?.seq ?? 0);
}

const afterAll = (last = 0): Moment => ({ from: last + 1, until: last });

async function readEvents(manager: JetStreamManager, place: number, batch: number): Promise<Dated[]> {
  const found: Dated[] = [];
  try {
    const messages = await manager.direct.getBatch(ARCHIVE, { seq: place, batch });
    for await (const message of messages) found.push(...dated(message));
  } catch (error) {
    if (!isNothingFound(error)) throw error;
  }
  return found;
}

function dated(message: StoredMsg): Dated[] {
  const { seq, subject, bytes } = asArchived(message);
  const entry = isEventSubject(subject) ? readOrExplain(subject, bytes, seq) : undefined;
  return entry && 'at' in entry ? [entry] : [];
}
