import { canExist, parseUrl, withoutDot } from '../../parse-url.ts';
import { Fault } from './fault.ts';
import type { FetchLimits } from './limits.ts';

/**
 * The only parse of what a stranger wrote. All that follows works on the result, so that two readings of one
 * text can never differ. Throws `Fault`.
 */
export function parseSourceUrl(
  text: string,
  { maxUrlLength }: Pick<FetchLimits, 'maxUrlLength'>,
  base?: URL,
): URL {
  if (text.length > maxUrlLength) throw new Fault(`is longer than ${maxUrlLength} characters`);
  const url = parseUrl(text, base);
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new Fault('is not an http or https URL');
  if (url.username !== '' || url.password !== '') throw new Fault('names user information');
  if (url.href.length > maxUrlLength) throw new Fault(`is longer than ${maxUrlLength} characters`);
  // Here, because systems differ in what they say of one that is looked up, and some say that it may pass.
  if (!canExist(withoutDot(url.hostname)))
    throw new Fault(
      'names a host that cannot exist: it may have 253 characters, and 1 to 63 between two dots',
    );
  return url;
}
