import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/config.ts';
import { Gate } from '../../../src/worker/source/gate.ts';

const PRIVATE = 'is not at a public address';
const port = (number: number) => `is at port ${number}, which sources may not use`;

function verdict(allow: string[], host: string, address: string, at: number): string {
  const gate = new Gate({ ports: [80, 443], allow });
  try {
    gate.checkPort(host, at);
    gate.checkAddress(host, address, at);
    return 'open';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('the gate', () => {
  it.each([
    // what is allowed, host, its address, port, verdict
    [[], 'a.example', '8.8.8.8', 80, 'open'],
    [[], 'a.example', '8.8.8.8', 443, 'open'],
    [[], 'a.example', '8.8.8.8', 22, port(22)],
    [[], 'a.example', '8.8.8.8', 0, port(0)],
    [[], 'a.example', '10.0.0.1', 80, PRIVATE],
    [[], 'a.example', 'nonsense', 80, PRIVATE],
    [['a.example'], 'a.example', '10.0.0.1', 80, 'open'],
    [['a.example'], 'a.example', '10.0.0.1', 9_000, 'open'],
    [['a.example'], 'a.example.', '10.0.0.1', 9_000, 'open'],
    [['A.Example.'], 'a.example', '10.0.0.1', 80, 'open'],
    [['bücher.example'], 'xn--bcher-kva.example', '10.0.0.1', 80, 'open'],
    [['a.example'], 'b.a.example', '10.0.0.1', 80, PRIVATE],
    [['a.example'], 'a.example', 'nonsense', 80, PRIVATE],
    [['a.example'], 'a.example', '10.0.0.1', 0, port(0)],
    [['a.example:9000'], 'a.example', '10.0.0.1', 9_000, 'open'],
    [['a.example:80'], 'a.example', '10.0.0.1', 443, PRIVATE],
    [['a.example:9000'], 'a.example', '10.0.0.1', 80, PRIVATE],
    [['a.example:9000'], 'a.example', '8.8.8.8', 9_001, port(9_001)],
    [['127.0.0.1'], '127.0.0.1', '127.0.0.1', 9_000, 'open'],
    [['127.0.0.1'], 'a.example', '127.0.0.1', 9_000, 'open'],
    [['127.0.0.1'], 'a.example', '127.0.0.1', 0, port(0)],
    [['127.0.0.1'], 'a.example', '::ffff:127.0.0.1', 80, 'open'],
    [['127.0.0.1'], 'a.example', '127.0.0.2', 80, PRIVATE],
    [['127.0.0.1'], 'a.example', '8.8.8.8', 9_000, port(9_000)],
    [['127.0.0.1:9000'], '127.0.0.1', '127.0.0.1', 9_000, 'open'],
    [['127.0.0.1:9000'], '127.0.0.1', '127.0.0.1', 9_001, port(9_001)],
    [['0x7f.1'], '127.0.0.1', '127.0.0.1', 80, 'open'],
    [['::1'], '::1', '::1', 80, 'open'],
    [['[::1]'], '::1', '::1', 9_000, 'open'],
    [['[::1]:9000'], '::1', '0:0:0:0:0:0:0:1', 9_000, 'open'],
    [['[::1]:9000'], '::1', '::1', 80, PRIVATE],
    [['10.0.0.0/8'], 'a.example', '10.1.2.3', 9_000, 'open'],
    [['10.1.0.0/16'], 'a.example', '10.2.0.1', 80, PRIVATE],
    [['10.0.0.0/8:9000'], 'a.example', '10.1.2.3', 9_000, 'open'],
    [['10.0.0.0/8:9000'], 'a.example', '10.1.2.3', 80, PRIVATE],
    [['fd00::/8'], 'a.example', 'fd12::1', 9_000, 'open'],
    [['fd00::/8:9000'], 'a.example', 'fd12::1', 9_000, 'open'],
    [['fd00::/8'], 'a.example', '10.0.0.1', 80, PRIVATE],
    [['::/0'], 'a.example', '10.0.0.1', 80, PRIVATE],
    [['10.0.0.0/8', 'a.example:81'], 'a.example', '192.168.0.1', 81, 'open'],
  ])('with %j lets %s (%s) at port %i: %s', (allow, host, address, at, expected) => {
    expect(verdict(allow, host, address, at)).toBe(expected);
  });

  it.each([
    '10/8',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    'fd00::/129',
    '[fd00::]/8',
    'a.example/8',
    'a.example:0',
    'a.example:65536',
    'a.example:http',
    'http://a.example',
    'user@a.example',
    'a.example?',
    'a b.example',
    '*.example',
    '.example',
    'a..example',
    '.',
    '[::1',
    '[zz]',
    '1.2.3.4.5',
    ':80',
  ])('refuses to start with %j', (entry) => {
    expect(() => new Gate({ ports: [80], allow: ['127.0.0.1', entry] })).toThrow(ConfigError);
    expect(() => new Gate({ ports: [80], allow: [entry] })).toThrow(entry);
  });
});
