import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { ConfigError } from '../../config.ts';
import { type AllowEntry, noEntry, parseEntry, withoutDot } from '../../fetch-allow.ts';
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

/** Throws `ConfigError` naming the entry that is none. */
export function createGate({ ports, allow }: GateSettings): Gate {
  const entries = allow.map(entryOf);
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

function entryOf(text: string): AllowEntry {
  const entry = parseEntry(text);
  if (!entry) throw new ConfigError(noEntry(text));
  return entry;
}

const portFault = (port: number): Fault => new Fault(`is at port ${port}, which sources may not use`);

const isPort = (entry: AllowEntry, port: number): boolean => entry.port === undefined || entry.port === port;

function contains({ range }: AllowEntry, address: string): boolean {
  if (range === undefined) return false;
  // A socket may name its IPv4 peer in the mapped form.
  const parsed = ipaddr.process(address);
  const [network, bits] = range;
  return parsed.kind() === network.kind() && parsed.match(network, bits);
}
