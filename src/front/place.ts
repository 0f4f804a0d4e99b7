import { type Place, parsePlace } from '../log/place.ts';
import type { Problem } from './request-error.ts';

/** An optional place. Adds to `problems`. */
export function readPlace(
  value: unknown,
  name: string,
  location: Problem['location'],
  problems: Problem[],
): Place | undefined {
  if (value === undefined || value === null) return undefined;
  const isText = typeof value === 'string' || (typeof value === 'number' && Number.isSafeInteger(value));
  const place = isText ? parsePlace(String(value)) : undefined;
  if (!place)
    problems.push({ name, location, description: `${name} must be the seq of an event or an ISO 8601 date` });
  return place;
}
