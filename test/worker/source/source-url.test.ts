import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostOf, portOf } from '../../../src/parse-url.ts';
import { showUrl, withoutPasswords } from '../../../src/tasks/show-url.ts';
import { FETCH_LIMITS } from '../../../src/worker/source/limits.ts';
import { parseSourceUrl } from '../../../src/worker/source/source-url.ts';

const parse = (text: string) => parseSourceUrl(text, FETCH_LIMITS);

describe('a source URL', () => {
  it.each([
    ['http://a.example/x?y#z', 'a.example', 80],
    ['https://a.example', 'a.example', 443],
    ['HtTpS://A.Example:8443/', 'a.example', 8_443],
    ['http:/\\/a.example/', 'a.example', 80],
    ['http:a.example', 'a.example', 80],
    [' \t http://a.exa\nmple:8\r0/\t', 'a.example', 80],
    ['http://a.example:0/', 'a.example', 0],
    ['http://[::1]:81/', '::1', 81],
    ['http://bücher.example/', 'xn--bcher-kva.example', 80],
    ['http://аpple.example/', 'xn--pple-43d.example', 80],
  ])('is read from %j', (text, host, port) => {
    const url = parse(text);
    expect([hostOf(url), portOf(url)]).toEqual([host, port]);
  });

  it.each([
    ...['', 'a.example/x.jpg', '/x.jpg', '//a.example/', 'http://', 'http:///', 'https://?', 'http://a b/'],
    ...[
      'http://a.example:65536/',
      'http://a.example:-1/',
      'http://a.example:x/',
      'http://1.2.3.4.5/',
      'http://[::1/',
    ],
    ...['http://a\0.example/', 'http://a%00.example/', 'http://xn--ü/'],
    ...['file:///etc/passwd', 'ftp://a.example/', 'gopher://a.example/', 'data:image/png;base64,AA=='],
    ...[
      'javascript:alert(1)',
      'blob:http://a.example/1',
      'ws://a.example/',
      'unix:/run/x',
      'mailto:a@b.example',
    ],
  ])('is not %j', (text) => {
    expect(() => parse(text)).toThrow('is not an http or https URL');
  });

  it.each([
    'http://user:pw@a.example/',
    'http://user@a.example/',
    'http://:pw@a.example/',
    'http://a@b:80@c.example/',
  ])('may not name a user: %s', (text) => {
    expect(() => parse(text)).toThrow('names user information');
  });

  it('is at most 8192 characters long, as written and as parsed', () => {
    const start = 'http://a.example/';
    expect(parse(start + 'a'.repeat(8_192 - start.length)).href).toHaveLength(8_192);
    for (const tail of ['a'.repeat(8_193 - start.length), 'é'.repeat(2_000), 'a'.repeat(65_536)])
      expect(() => parse(start + tail)).toThrow('is longer than 8192 characters');
  });

  const longest = `${'a'.repeat(63)}.`.repeat(3) + 'a'.repeat(61);

  it.each([longest, `${longest}.`, 'a_b.example', '*.example', '[2606:4700::1111]'])(
    'may name the host %s',
    (host) => {
      expect(parse(`http://${host}/`).hostname).toBe(host);
    },
  );

  it.each([
    ...[`${'a'.repeat(64)}.example`, `ü${'a'.repeat(60)}.example`, `${longest}a`, `a.${longest}`],
    ...['.', '..', '.example', 'a..example', 'a.example..'],
  ])('may not name the host %s, of which no name server can know', (host) => {
    expect(() => parse(`http://${host}/`)).toThrow('names a host that cannot exist');
  });
});

describe('a URL in a text', () => {
  it.each([
    ['http://a.example/x?y=1#z', 'http://a.example/x?y=1#z'],
    ['HTTP://A.example/Ü', 'HTTP://A.example/Ü'],
    ['http://user:pw@a.example/@b', 'http://***@a.example/@b'],
    ['http://a@b:80@c.example/', 'http://***@c.example/'],
    ['http:\\\\user:pw@a.example/', 'http:\\\\***@a.example/'],
    ['http:user:pw@a.example', 'http:***@a.example'],
    ['http:/\t/user:pw@a.example', 'http:/\ufffd/***@a.example'],
    ['ht\ntp://us\ner:pw@a.example', 'ht\ufffdtp://***@a.example'],
    ['http://user:p w@a.exa mple/', 'http://***@a.exa mple/'],
    ['ssh://git:pw@a.example', 'ssh://***@a.example'],
    ['user:pw@a.example', 'user:***@a.example'],
    ['pw@a.example', '***@a.example'],
    ['http://a.example/?mail=a@b.example', 'http://a.example/?mail=a@b.example'],
    ['http://a.example/\r\n\0\x1b[31m', 'http://a.example/\ufffd\ufffd\ufffd\ufffd[31m'],
    ['http://a.example/\u202egpj.exe\u2028', 'http://a.example/\ufffdgpj.exe\ufffd'],
    ['http://a.example/\ud800', 'http://a.example/\ufffd'],
  ])('%j is shown as %j', (text, shown) => {
    expect(showUrl(text)).toBe(shown);
  });

  it.each([
    ['http://user:pw@a.example/@b', 'http://***@a.example/@b'],
    ['http:\\\\user:pw@a.example/', 'http:\\\\***@a.example/'],
    ['http:user:pw@a.example', 'http:***@a.example'],
    [' \0ht\ntp://us\ner:pw@a.example', 'http://***@a.example'],
    ['ftp://user:pw@a.example', 'ftp://***@a.example'],
    ['//user:pw@a.example', '//***@a.example'],
    ['http://a.example/?mail=a@b.example', 'http://a.example/?mail=a@b.example'],
    [' http://a.example/@', ' http://a.example/@'],
    ['dear: me@a.example', 'dear: me@a.example'],
    ['me@a.example', 'me@a.example'],
  ])('%j is kept as %j, wherever it stands in a definition', (text, kept) => {
    expect(withoutPasswords({ url: text, urls: [{ 1: text }, 2, null] })).toEqual({
      url: kept,
      urls: [{ 1: kept }, 2, null],
    });
  });

  it('is cut to 300 characters, never through the middle of one', () => {
    expect(showUrl(`http://a.example/${'a'.repeat(1_000)}`)).toMatch(/^http:\/\/a\.example\/a{282}…$/);
    expect(showUrl(`http://a.example/${'a'.repeat(281)}😀😀😀`)).toMatch(/a{281}…$/);
    expect(showUrl(`http://${'a'.repeat(1_000)}@a.example/`)).toBe('http://***@a.example/');
  });

  it('takes no longer for long texts', () => {
    for (const tail of ['\ufffd', '/', '@', ':', '\0'])
      expect(showUrl(`http://${tail.repeat(1_000_000)}`).length).toBeLessThanOrEqual(300);
  });

  it('never has a control character, a lone surrogate or a password', () => {
    const piece = fc.oneof(
      fc.constantFrom('http:', '/', '\\', '@', ':', '?', '#', '\t', '\u2028'),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 30 }),
        fc.constantFrom('://', ':/\\', ':\t//', ':'),
        (pieces, slashes) => {
          const shown = showUrl(pieces.join(''));
          expect(shown.length).toBeLessThanOrEqual(300);
          expect(shown).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}]/u);
          const user = pieces.join('').replace(/[/\\?#@:]/g, '');
          expect(showUrl(`http${slashes}${user}:SECRET@a.example/`)).not.toContain('SECRET');
        },
      ),
    );
  });
});
