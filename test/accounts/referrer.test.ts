import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isReferrerAllowed, parseReferrerEntry, referrerOf } from '../../src/accounts/referrer.ts';

function isAllowed(referrer: string, ...entries: string[]): boolean {
  const rules = entries.map((entry) => {
    const rule = parseReferrerEntry(entry);
    if (rule === undefined) throw new Error(`${entry} does not parse`);
    return rule;
  });
  return isReferrerAllowed(referrer, rules);
}

describe('a host entry', () => {
  it.each([
    'http://example.com',
    'https://example.com/',
    'https://example.com/a/page?with=query#and-fragment',
    'http://example.com:8080/',
    'HTTP://EXAMPLE.COM/',
    'https://example.com./',
    'https://user@example.com/',
    'http://ex%61mple.com/',
  ])('admits %s', (referrer) => expect(isAllowed(referrer, 'example.com')).toBe(true));

  it.each([
    'http://evil.com/example.com',
    'http://evil.com/?http://example.com',
    'http://evil.com/#http://example.com',
    'http://evil.com#@example.com/',
    'http://example.com.evil.com',
    'http://example.com@evil.com',
    'http://example.com:80@evil.com/',
    'http://example.com%2f@evil.com/',
    'http://example.com%00.evil.com/',
    'http://evil.com\\@example.com/',
    'http://example.com\\.evil.com/',
    'http://evilexample.com',
    'http://example.com-evil.com',
    'http://sub.example.com',
    'http://example.co',
    'http://example.com../',
    'http://xn--exmple-cua.com/',
    'http://exаmple.com/',
    'null',
    '',
    'example.com',
    'example.com/',
    '//example.com/',
    '/example.com',
    'http:example.com',
    'http:/example.com',
    'http:///example.com@evil.com',
    ' http://example.com/',
    'http://example.com/ ',
    'ht\ttp://example.com/',
    'http://exam\tple.com/',
    'http://example.com/\n',
    'javascript:alert("http://example.com/")',
    'javascript://example.com/%0aalert(1)',
    'data:text/html,http://example.com/',
    'data://example.com/',
    'ftp://example.com/',
    'file://example.com/',
    'ws://example.com/',
    'blob:http://example.com/1',
    'about:srcdoc',
    'chrome-extension://example.com/',
    'http://',
    'http://:80/',
    'http://example.com:99999/',
    'http://[example.com]/',
  ])('does not admit %j', (referrer) => expect(isAllowed(referrer, 'example.com')).toBe(false));
});

describe('a wildcard entry', () => {
  it.each(['http://a.example.com/', 'https://a.b.c.example.com:8443/', 'http://A.Example.Com./'])(
    'admits %s',
    (referrer) => expect(isAllowed(referrer, '*.example.com')).toBe(true),
  );

  it.each([
    'http://example.com/',
    'http://aexample.com/',
    'http://a.example.com.evil.com/',
    'http://evil.com/a.example.com',
    'http://a.example.com@evil.com/',
  ])('does not admit %s', (referrer) => expect(isAllowed(referrer, '*.example.com')).toBe(false));

  it('may name a port', () => {
    expect(isAllowed('http://a.example.com:8080/', '*.example.com:8080')).toBe(true);
    expect(isAllowed('http://a.example.com/', '*.example.com:8080')).toBe(false);
  });
});

describe('an entry with a port', () => {
  it.each([
    ['example.com:8080', 'http://example.com:8080/', true],
    ['example.com:8080', 'http://example.com/', false],
    ['example.com:8080', 'http://example.com:80801/', false],
    ['example.com:80', 'http://example.com/', true],
    ['example.com:80', 'http://example.com:80/', true],
    ['example.com:80', 'https://example.com/', false],
    ['example.com:80', 'https://example.com:80/', true],
    ['example.com:443', 'https://example.com/', true],
    ['example.com:443', 'http://example.com/', false],
    ['example.com:443', 'http://example.com:443/', true],
  ])('%s and %s: %s', (entry, referrer, allowed) => expect(isAllowed(referrer, entry)).toBe(allowed));
});

describe('hosts', () => {
  it.each([
    ['EXAMPLE.com.', 'https://example.COM/'],
    ['bücher.example', 'https://xn--bcher-kva.example/'],
    ['xn--bcher-kva.example', 'https://bücher.example/'],
    ['*.bücher.example', 'https://shop.BÜCHER.example/'],
    ['[::1]', 'http://[0:0::1]:3000/'],
    ['[::1]:3000', 'http://[::1]:3000/'],
    ['[2001:DB8::1]', 'https://[2001:db8:0::1]/'],
    ['127.0.0.1', 'http://127.0.0.1:8080/'],
    ['127.0.0.1', 'http://2130706433/'],
    ['localhost:3000', 'http://localhost:3000/'],
    ['under_score.example', 'http://under_score.example/'],
  ])('are compared in one notation: %s admits %s', (entry, referrer) =>
    expect(isAllowed(referrer, entry)).toBe(true),
  );

  it('are admitted when any entry admits them', () => {
    expect(isAllowed('http://b.example/', 'a.example', 'b.example')).toBe(true);
    expect(isAllowed('http://c.example/', 'a.example', 'b.example')).toBe(false);
    expect(isReferrerAllowed('http://a.example/', [])).toBe(false);
  });

  it('are admitted only if the URL standard finds exactly that host in the referrer', () => {
    const part = fc.constantFrom(
      'example.com',
      'evil.com',
      '.',
      '@',
      '/',
      '\\',
      ':',
      '#',
      '?',
      '%2e',
      '80',
      ' ',
      '\t',
    );
    fc.assert(
      fc.property(
        fc.constantFrom('http://', 'https://', 'http:', ''),
        fc.array(part, { maxLength: 6 }),
        (scheme, parts) => {
          const referrer = scheme + parts.join('');
          if (!isAllowed(referrer, 'example.com')) return;
          expect(new URL(referrer).hostname.replace(/\.$/, '')).toBe('example.com');
          expect(['http:', 'https:']).toContain(new URL(referrer).protocol);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

describe('an entry is refused', () => {
  it.each([
    '',
    '*',
    '*.',
    '.',
    '*.*.example.com',
    'ex*mple.com',
    'a.*.example.com',
    'http://example.com',
    'example.com/',
    'example.com/path',
    'user@example.com',
    'example.com?',
    'example.com#a',
    'example.com:',
    'example.com:0',
    'example.com:65536',
    'example.com:http',
    'example.com:80:80',
    ' example.com',
    'example.com ',
    'exam ple.com',
    'exam\tple.com',
    'example\\.com',
    'ex%61mple.com',
    'a..example.com',
    '.example.com',
    'example.com..',
    '::1',
    '[::1',
    '[::g]',
    '[fe80::1%25eth0]',
    '*.[::1]',
    '*.127.0.0.1',
    '999.999.999.999',
    'xn--a',
  ])('when it is %j', (entry) => expect(parseReferrerEntry(entry)).toBeUndefined());

  it('or read, but never a crash, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (entry) => {
        const rule = parseReferrerEntry(entry);
        if (rule !== undefined) expect(rule.host).toMatch(/^[[\]a-z0-9_.:-]+$/);
      }),
    );
  });
});

describe('the referrer of a request', () => {
  it('is the first of Referer, Referrer and Origin', () => {
    const headers = { referer: 'http://a/', referrer: 'http://b/', origin: 'http://c' };
    expect(referrerOf(headers)).toBe('http://a/');
    expect(referrerOf({ ...headers, referer: undefined })).toBe('http://b/');
    expect(referrerOf({ origin: 'http://c' })).toBe('http://c');
    expect(referrerOf({})).toBeUndefined();
  });

  it('is not looked for further once a header is there, even a useless one', () => {
    expect(referrerOf({ referer: 'nonsense', origin: 'http://c' })).toBe('nonsense');
    expect(referrerOf({ referer: '', origin: 'null' })).toBe('null');
  });
});
