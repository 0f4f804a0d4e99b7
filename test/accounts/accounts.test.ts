import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { AccountDirectory } from '../../src/accounts/accounts.ts';
import type { CredentialKind, Credentials } from '../../src/accounts/credentials.ts';
import { recordsOf, sha256 } from './support.ts';

const presented = (
  kind: CredentialKind,
  value: string,
  location: Credentials['location'] = 'body',
): Credentials => ({ kind, value, location });

const acme = {
  name: 'acme',
  secret: 'the secret of acme',
  api_keys: [
    { key: 'the key of acme', referrers: ['acme.example', '*.acme.example'] },
    { key_sha256: sha256('the other key').toUpperCase(), referrers: ['other.example:8080'] },
  ],
  limits: { active_tasks: 1_000, tasks_per_minute: 6_000 },
};
const zeta = { name: 'zeta', secret_sha256: sha256('the secret of zeta'), auditor: true };
const directory = new AccountDirectory(recordsOf(acme, zeta));

describe('a secret', () => {
  it('names its account, whatever the referrer', () => {
    const account = { name: 'acme', limits: acme.limits, auditor: false };
    for (const referrer of [undefined, 'null', 'http://evil.example/'])
      expect(directory.authenticate(presented('secret', acme.secret), referrer)).toEqual({
        ok: true,
        account,
        kind: 'secret',
      });
  });

  it('may be known by its digest alone', () =>
    expect(directory.authenticate(presented('secret', 'the secret of zeta'), undefined)).toEqual({
      ok: true,
      account: { name: 'zeta', limits: {}, auditor: true },
      kind: 'secret',
    }));

  it('leads to its account by its digest, and no API key does', () => {
    expect(directory.findBySecret(sha256(acme.secret))?.name).toBe('acme');
    expect(directory.findBySecret(sha256('the key of acme'))).toBeUndefined();
  });

  it.each([
    'wrong',
    'the secret of acme ',
    'The secret of acme',
    'the key of acme',
    sha256('the secret of zeta'),
    '0'.repeat(64),
    '__proto__',
    '\ud800',
  ])('that is wrong is not valid: %j', (value) =>
    expect(directory.authenticate(presented('secret', value), undefined)).toEqual({
      ok: false,
      problem: { name: 'secret', location: 'body', description: 'secret is not valid' },
    }),
  );

  it('that is wrong in the header is a problem of the header', () =>
    expect(directory.authenticate(presented('secret', 'wrong', 'header'), undefined)).toMatchObject({
      problem: { name: 'Authorization', location: 'header' },
    }));
});

describe('an API key', () => {
  it('names its account when the referrer is one of its own', () => {
    expect(
      directory.authenticate(presented('api_key', 'the key of acme'), 'https://www.acme.example/page'),
    ).toEqual({
      ok: true,
      account: { name: 'acme', limits: acme.limits, auditor: false },
      kind: 'api_key',
    });
    expect(
      directory.authenticate(presented('api_key', 'the other key'), 'http://other.example:8080/').ok,
    ).toBe(true);
  });

  it.each([
    'https://other.example:8080/',
    'https://evil.example/acme.example',
    'https://acme.example@evil.example/',
    'null',
  ])('with the referrer %s is a problem of the referrer', (referrer) =>
    expect(directory.authenticate(presented('api_key', 'the key of acme'), referrer)).toEqual({
      ok: false,
      problem: {
        name: 'Referer',
        location: 'header',
        description: "Referer must name a host of this api_key's referrers",
      },
    }),
  );

  it('without a referrer is a problem that says so', () =>
    expect(directory.authenticate(presented('api_key', 'the key of acme'), undefined)).toMatchObject({
      problem: {
        name: 'Referer',
        location: 'header',
        description: expect.stringContaining('Referer is missing'),
      },
    }));

  it('that is wrong is not valid, whatever the referrer, and a secret is no API key', () => {
    for (const value of ['wrong', acme.secret])
      expect(directory.authenticate(presented('api_key', value, 'query'), 'https://acme.example/')).toEqual({
        ok: false,
        problem: { name: 'api_key', location: 'query', description: 'api_key is not valid' },
      });
  });
});

describe('the directory', () => {
  it('finds accounts by name', () => {
    expect(directory.find('zeta')?.auditor).toBe(true);
    expect(directory.find('nobody')).toBeUndefined();
    expect(directory.find('constructor')).toBeUndefined();
    expect(directory.size).toBe(2);
  });

  it('puts other accounts in force all at once', () => {
    const changing = new AccountDirectory(recordsOf(acme));
    changing.replace(recordsOf(zeta));
    expect(changing.authenticate(presented('secret', acme.secret), undefined).ok).toBe(false);
    expect(changing.authenticate(presented('secret', 'the secret of zeta'), undefined).ok).toBe(true);
    expect(changing.find('acme')).toBeUndefined();
  });

  it('without accounts lets nobody in', () =>
    expect(new AccountDirectory().authenticate(presented('secret', ''), undefined).ok).toBe(false));

  it('tells a thousand accounts from each other', () => {
    const many = Array.from({ length: 1_000 }, (_, index) => ({
      name: `account-${index}`,
      secret: `secret ${index}`,
    }));
    const large = new AccountDirectory(recordsOf(...many));
    for (const { name, secret } of many)
      expect(large.authenticate(presented('secret', secret), undefined)).toMatchObject({ account: { name } });
  });

  it('holds no plain credential', () => {
    const shown =
      inspect([directory, recordsOf(acme, zeta)], { depth: 10, showHidden: true }) +
      JSON.stringify(recordsOf(acme));
    expect(shown).not.toContain('the secret of');
    expect(shown).not.toContain('the key of');
  });
});
