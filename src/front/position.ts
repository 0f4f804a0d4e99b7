import { type Position, parsePosition } from '../log/position.ts';
import type { Problem } from './request-error.ts';

/** An optional position. Adds to `problems`. */
export function readPosition(
  value: unknown,
  name: string,
  location: Problem['location'],
  problems: Problem[],
): Position | undefined {
  if (value === undefined || value === null) return undefined;
  const isText = typeof value === 'string' || (typeof value === 'number' && Number.isSafeInteger(value));
  const position = isText ? parsePosition(String(value)) : undefined;
  if (!position)
    problems.push({ name, location, description: `${name} must be the seq of an event or an ISO 8601 date` });
  return position;
}
