import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { ConfigError } from '../../config.ts';
import { parseUrl } from '../../parse-url.ts';
import { Fault } from './fault.ts';
import { isPublicAddress } from './public-address.ts';

/** Which addresses sources may lie at. Made once from `FETCH_PORTS` and `FETCH_ALLOW`; it keeps no state. */
export interface Gate {
  /** Throws `Fault` when no address that `host` could have is allowed at this port, so that nobody is asked. */
  checkPort(host: string, port: number): void;
  /** Throws `Fault` unless `address`, which `host` is or was resolved to, is allowed at this port. */
  checkAddress(host: string, address: string, port: number): void;
}

export interface GateSettings {
  /** Ports that are open to public addresses. */
  readonly ports: readonly number[];
  /** Names, addresses and CIDRs that are open though not public, on any port or on the one after a colon. */
  readonly allow: readonly string[];
}

interface Entry {
  readonly port: number | undefined;
  /** A name in the form that `new URL` gives it, without a dot at its end; else a range of addresses. */
  readonly name?: string;
  readonly range?: readonly [ipaddr.IPv4 | ipaddr.IPv6, number];
}

/** Throws `ConfigError` naming the entry that is none. */
export function createGate({ ports, allow }: GateSettings): Gate {
  const entries = allow.map(parseEntry);
  const open = new Set(ports);
  const named = (host: string, port: number): boolean =>
    entries.some((entry) => isPort(entry, port) && entry.name === withoutDot(host));
  const ranged = (address: string, port: number): boolean =>
    entries.some((entry) => isPort(entry, port) && contains(entry, address));
  return {
    checkPort(host, port) {
      const possible =
        open.has(port) ||
        entries.some((entry) => isPort(entry, port) && (entry.range || entry.name === withoutDot(host)));
      if (!possible || port === 0) throw portFault(port);
    },
    checkAddress(host, address, port) {
      if (isIP(address) !== 0 && (named(host, port) || ranged(address, port))) return;
      if (!open.has(port)) throw portFault(port);
      if (!isPublicAddress(address)) throw new Fault('is not at a public address');
    },
  };
}

const portFault = (port: number): Fault => new Fault(`is at port ${port}, which sources may not use`);

const withoutDot = (host: string): string => host.replace(/\.$/, '');

const isPort = (entry: Entry, port: number): boolean => entry.port === undefined || entry.port === port;

function contains({ range }: Entry, address: string): boolean {
  if (range === undefined) return false;
  // A socket may name its IPv4 peer in the mapped form.
  const parsed = ipaddr.process(address);
  const [network, bits] = range;
  return parsed.kind() === network.kind() && parsed.match(network, bits);
}

// `name`, `name:port`, `1.2.3.4`, `1.2.3.4:port`, `::1`, `[::1]`, `[::1]:port`, `10.0.0.0/8`, `fd00::/8`, `10.0.0.0/8:port`.
function parseEntry(text: string): Entry {
  const wrong = () =>
    new ConfigError(`FETCH_ALLOW must be a list of hosts, host:port or CIDRs, it has '${text}'`);
  if (isIP(text) === 6) return { port: undefined, range: networkOf(text, wrong) };
  const [, host = '', digits] = /^(\[[^\]]*\]|[^\s@?#\\/:[\]]+|[^/[\]]+\/\d+)(?::(\d+))?$/.exec(text) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  if (host === '' || (port !== undefined && (port < 1 || port > 65_535))) throw wrong();
  if (host.includes('/')) return { port, range: networkOf(host, wrong) };
  const url = parseUrl(`http://${host}/`);
  if (!url) throw wrong();
  const bare = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(bare) !== 0) return { port, range: networkOf(bare, wrong) };
  if (!/^[a-z0-9_.-]+$/.test(bare)) throw wrong();
  return { port, name: withoutDot(bare) };
}

// ipaddr.js reads `10/8` as 0.0.0.10/8, so the address must be one in its plain form before it gets there.
function networkOf(text: string, wrong: () => ConfigError): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  const [address = '', bits] = text.split('/');
  if (isIP(address) === 0) throw wrong();
  if (bits === undefined) {
    const host = ipaddr.process(address);
    return [host, host.kind() === 'ipv4' ? 32 : 128];
  }
  if (!ipaddr.isValidCIDR(text)) throw wrong();
  return ipaddr.parseCIDR(text);
}
