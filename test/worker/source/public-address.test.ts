import { describe, expect, it } from 'vitest';
import { hostOf } from '../../../src/parse-url.ts';
import { FETCH_LIMITS } from '../../../src/worker/source/limits.ts';
import { isPublicAddress } from '../../../src/worker/source/public-address.ts';
import { parseSourceUrl } from '../../../src/worker/source/source-url.ts';
import { PRIVATE_URLS, PUBLIC_URLS } from './address-vectors.ts';

const addressIn = (url: string) => hostOf(parseSourceUrl(url, FETCH_LIMITS));

describe('an address', () => {
  it.each(PRIVATE_URLS)('is not public (input %i): %s', (_number, url) => {
    expect(isPublicAddress(addressIn(url))).toBe(false);
  });

  it.each(PUBLIC_URLS)('is public: %s', (url) => {
    expect(isPublicAddress(addressIn(url))).toBe(true);
  });

  it.each([
    '',
    'localhost',
    '8.8.8',
    '010.8.8.8',
    '0x8.8.8.8',
    '8.8.8.8 ',
    '[2606:4700::1]',
    '2606:4700::1%eth0',
    '8.8.8.8/0',
  ])('is not public when it is not in its plain form: %j', (text) => {
    expect(isPublicAddress(text)).toBe(false);
  });
});
