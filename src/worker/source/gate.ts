import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { ConfigError } from '../../config.ts';
import { type AllowEntry, noEntry, parseEntry } from '../../fetch-allow.ts';
import { withoutDot } from '../../parse-url.ts';
import { Fault } from './fault.ts';
import { isPublicAddress } from './public-address.ts';

export interface GateSettings {
  /** Ports that are open to public addresses. */
  readonly ports: readonly number[];
  /** Names, addresses and CIDRs that are open though not public, on any port or on the one after a colon. */
  readonly allow: readonly string[];
}

/** Which addresses sources may lie at: what `FETCH_PORTS` and `FETCH_ALLOW` say. */
export class Gate {
  readonly #open: ReadonlySet<number>;
  readonly #entries: readonly AllowEntry[];

  /** Throws `ConfigError` naming the entry of `allow` that is none. */
  constructor({ ports, allow }: GateSettings) {
    this.#open = new Set(ports);
    this.#entries = allow.map(entryOf);
  }

  /** Throws `Fault` when no address that `host` could have is allowed at this port, so that nobody is asked. */
  checkPort(host: string, port: number): void {
    const isPossible =
      this.#open.has(port) || this.#entriesOf(port).some((entry) => entry.range || isNamed(entry, host));
    if (!isPossible || port === 0) throw portFault(port);
  }

  /** Throws `Fault` unless `address`, which `host` is or was resolved to, is allowed at this port. */
  checkAddress(host: string, address: string, port: number): void {
    const isAllowed = (entry: AllowEntry): boolean => isNamed(entry, host) || contains(entry, address);
    if (isIP(address) !== 0 && this.#entriesOf(port).some(isAllowed)) return;
    if (!this.#open.has(port)) throw portFault(port);
    if (!isPublicAddress(address)) throw new Fault('is not at a public address');
  }

  #entriesOf(port: number): AllowEntry[] {
    return this.#entries.filter((entry) => entry.port === undefined || entry.port === port);
  }
}

function entryOf(text: string): AllowEntry {
  const entry = parseEntry(text);
  if (!entry) throw new ConfigError(noEntry(text));
  return entry;
}

const portFault = (port: number): Fault => new Fault(`is at port ${port}, which sources may not use`);

const isNamed = ({ name }: AllowEntry, host: string): boolean => name === withoutDot(host);

function contains({ range }: AllowEntry, address: string): boolean {
  if (range === undefined) return false;
  // A socket may name its IPv4 peer in the mapped form.
  const parsed = ipaddr.process(address);
  const [network, bits] = range;
  return parsed.kind() === network.kind() && parsed.match(network, bits);
}
