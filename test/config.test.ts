import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from '../src/config.ts';

const violations = (env: Record<string, string>): string[] => {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
};

describe('the settings', () => {
  it('have defaults for everything', () => {
    expect(readConfig({})).toMatchObject({
      HOST: '127.0.0.1',
      PORT: 8080,
      PUBLIC_URL: 'http://127.0.0.1:8080',
      SYNC: 'always',
      ATTEMPTS: 3,
      fetchPorts: [80, 443],
      fetchAllow: [],
    });
  });

  it('take an empty variable for one that is not set', () => {
    expect(readConfig({ PORT: '', PUBLIC_URL: ' ' })).toMatchObject({
      PORT: 8080,
      PUBLIC_URL: 'http://127.0.0.1:8080',
    });
  });

  it('are read as what they are', () => {
    const config = readConfig({
      PORT: '9000',
      TASK_TIMEOUT: '1.5',
      FETCH_ALLOW: ' a.example , 10.0.0.0/8,',
      FETCH_PORTS: '80',
    });
    expect(config).toMatchObject({
      PORT: 9000,
      TASK_TIMEOUT: 1.5,
      fetchAllow: ['a.example', '10.0.0.0/8'],
      fetchPorts: [80],
    });
  });

  it('name at least one nats-server, if any', () => {
    expect(readConfig({ NATS_URL: 'nats://t@h:4222,' }).NATS_URL).toBe('nats://t@h:4222,');
    expect(violations({ NATS_URL: ' , ' })).toEqual([
      expect.stringMatching(/^NATS_URL must be a list of servers/),
    ]);
  });

  it('are violated with every violation named at once, and what was given', () => {
    const found = violations({
      PORT: 'abc',
      ATTEMPTS: '0',
      SYNC: 'never',
      FETCH_PORTS: '80,x',
      FETCH_ALLOW: 'fine.example,a b',
      PUBLIC_URL: 'ftp://x',
      TLS_CERT: '/c',
      NATS_URL: 'nats://a:4222,http://secret@b',
    });
    for (const name of [
      'PORT',
      'ATTEMPTS',
      'SYNC',
      'FETCH_PORTS',
      'FETCH_ALLOW',
      'PUBLIC_URL',
      'TLS_CERT',
      'NATS_URL',
    ])
      expect(found.filter((line) => line.startsWith(name))).toHaveLength(1);
    expect(found.find((line) => line.startsWith('PORT'))).toContain("it is 'abc'");
    expect(found).toContain("FETCH_ALLOW must be a list of hosts, host:port or CIDRs, it has 'a b'");
    expect(found.join()).not.toContain('secret');
  });

  it('are violated by a part of what can only be had as a whole, and by what is no number', () => {
    expect(violations({ WORKERS: '1.5', PORT: '18101.7', ATTEMPTS: 'true', GRACE: 'false' })).toEqual([
      "PORT must be integer, it is '18101.7'",
      "WORKERS must be integer, it is '1.5'",
      "ATTEMPTS must be integer, it is 'true'",
      "GRACE must be number, it is 'false'",
    ]);
    expect(readConfig({ WORKERS: '2.0', MAX_LOG_EVENTS: '1e6' })).toMatchObject({
      WORKERS: 2,
      MAX_LOG_EVENTS: 1_000_000,
    });
  });

  it('are violated with more than a handful of violations, and all of them are named', () => {
    const wrong = Object.fromEntries(
      [
        'PORT',
        'WORKERS',
        'CONCURRENCY',
        'ATTEMPTS',
        'TASK_TIMEOUT',
        'GRACE',
        'RETENTION_DAYS',
        'MAX_LOG_BYTES',
        'MAX_LOG_EVENTS',
        'MAX_BODY',
        'MAX_TASKS',
      ].map((name) => [name, 'x']),
    );
    expect(violations(wrong).length).toBeGreaterThanOrEqual(11);
  });

  it('name what a choice may be, and nothing that was not set', () => {
    expect(violations({ SYNC: 'never' })).toEqual(["SYNC must be one of: always, 1s, it is 'never'"]);
    expect(violations({ PORT: 'abc' })).toHaveLength(1);
  });

  it.each([
    'https://tasks.example.com?a=1',
    'https://tasks.example.com/?',
    'https://tasks.example.com/#top',
    'https://tasks.example.com/a\nb',
    'https:tasks.example.com',
    'https:///tasks.example.com',
    'https:\\\\tasks.example.com',
    'https://me@tasks.example.com',
    'https://me:a-password@tasks.example.com',
    'https://me:a-password@:no-port',
    'ftp://me:a-password@tasks.example.com',
  ])('refuse an address to which no path can be added, and say no password back: %j', (PUBLIC_URL) => {
    const found = violations({ PUBLIC_URL });
    expect(found[0]).toMatch(/^PUBLIC_URL must /);
    expect(found.join()).not.toContain('a-password');
  });

  it('refuse bodies that no text can hold, and a folder whose name nats-server would not read as it is', () => {
    expect(readConfig({ MAX_BODY: String(2 ** 29 - 24) }).MAX_BODY).toBe(2 ** 29 - 24);
    expect(violations({ MAX_BODY: String(2 ** 29 - 23) })).toEqual([
      expect.stringMatching(/^MAX_BODY must /),
    ]);
    expect(violations({ DATA_DIR: './a\u0007b' })).toEqual([
      expect.stringMatching(/^DATA_DIR must have no control characters, it is ".*a\\u0007b"$/),
    ]);
  });

  it('know the address under which clients see the service', () => {
    expect(readConfig({ HOST: '0.0.0.0', PORT: '80' }).PUBLIC_URL).toBe('http://localhost:80');
    expect(readConfig({ HOST: '::1' }).PUBLIC_URL).toBe('http://[::1]:8080');
    expect(readConfig({ TLS_CERT: '/c', TLS_KEY: '/k' }).PUBLIC_URL).toBe('https://127.0.0.1:8080');
    expect(readConfig({ PUBLIC_URL: 'HTTPS://Tasks.example.com' }).PUBLIC_URL).toBe(
      'HTTPS://Tasks.example.com',
    );
    expect(readConfig({ PUBLIC_URL: 'https://tasks.example.com/' }).PUBLIC_URL).toBe(
      'https://tasks.example.com',
    );
  });
});
