import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Azure's wire server: ordinary unicast to every table of ranges, yet it answers from inside the host. */
const WIRE_SERVER = '168.63.129.16';

/**
 * True for an address that the whole Internet routes to: nothing private, local, shared, reserved, multicast
 * or made for benchmarks and examples. False for all that is not an address in its plain form, and for IPv6
 * forms that carry an IPv4 address inside, whatever that address is.
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0 || address.includes('%')) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  return parsed instanceof ipaddr.IPv6 ? isGlobalUnicast(parsed) : parsed.toString() !== WIRE_SERVER;
}

// `unicast` is ipaddr.js's word for "in none of my ranges", which leaves in ::/96 and all that is not allocated.
const isGlobalUnicast = ({ parts: [first = 0, , , , fifth = 0, sixth = 0] }: ipaddr.IPv6): boolean =>
  first >= 0x2000 && first <= 0x3fff && !isIsatap(fifth, sixth);

// RFC 5214: the interface identifier 0:5efe or 200:5efe, and an IPv4 address behind it, under any prefix.
const isIsatap = (fifth: number, sixth: number): boolean => (fifth & ~0x0200) === 0 && sixth === 0x5efe;
