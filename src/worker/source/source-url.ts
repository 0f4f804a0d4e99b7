import { parseUrl } from '../../parse-url.ts';
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
  return url;
}

/** Host without the brackets of an IPv6 literal. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');

/** The port in effect; 0 when the URL says 0. */
export const portOf = (url: URL): number => {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
};
