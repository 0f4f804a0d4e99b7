import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { canExist, hostOf, parseUrl, withoutDot } from './parse-url.ts';

/** A part of `FETCH_ALLOW`: where sources may lie though it is not public. */
export interface AllowEntry {
  /** Any, if undefined. */
  readonly port: number | undefined;
  /** A name in the form that `new URL` gives it, without a dot at its end; else a range of addresses. */
  readonly name?: string;
  readonly range?: Range;
}

type Range = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/** What to say of a text that `parseEntry` does not understand. */
export const noEntry = (text: string): string =>
  `FETCH_ALLOW must be a list of hosts, host:port or CIDRs, it has '${text}'`;

/**
 * `name`, `name:port`, `1.2.3.4`, `1.2.3.4:port`, `::1`, `[::1]`, `[::1]:port`, `10.0.0.0/8`, `fd00::/8`,
 * `10.0.0.0/8:port`. Undefined for what is none of these.
 */
export function parseEntry(text: string): AllowEntry | undefined {
  if (isIP(text) === 6) return within(text, undefined);
  const [, host = '', digits] = /^(\[[^\]]*\]|[^\s@?#\\/:[\]]+|[^/[\]]+\/\d+)(?::(\d+))?$/.exec(text) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  if (host === '' || (port !== undefined && (port < 1 || port > 65_535))) return undefined;
  if (host.includes('/')) return within(host, port);
  const url = parseUrl(`http://${host}/`);
  if (!url) return undefined;
  const bare = hostOf(url);
  if (isIP(bare) !== 0) return within(bare, port);
  const name = withoutDot(bare);
  // It would stand there for nothing: no source may name such a host.
  return /^[a-z0-9_.-]+$/.test(name) && canExist(name) ? { port, name } : undefined;
}

function within(text: string, port: number | undefined): AllowEntry | undefined {
  const range = networkOf(text);
  return range && { port, range };
}

// ipaddr.js reads `10/8` as 0.0.0.10/8, so the address must be one in its plain form before it gets there.
function networkOf(text: string): Range | undefined {
  const [address = '', bits] = text.split('/');
  if (isIP(address) === 0) return undefined;
  if (bits === undefined) {
    const host = ipaddr.process(address);
    return [host, host.kind() === 'ipv4' ? 32 : 128];
  }
  return ipaddr.isValidCIDR(text) ? ipaddr.parseCIDR(text) : undefined;
}
