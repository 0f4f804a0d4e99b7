import { parseUrl, portOf, withoutDot } from '../parse-url.ts';

/** One parsed entry of an API key's `referrers`. */
export interface ReferrerRule {
  /** As `URL` writes it: lower case, punycode, IPv6 in brackets; no trailing dot. */
  readonly host: string;
  /** Any depth of subdomain of `host`, and not `host` itself. */
  readonly subdomains: boolean;
  /** Undefined: any port. */
  readonly port: number | undefined;
}

interface ReferrerHeaders {
  readonly referer?: string | undefined;
  readonly referrer?: string | undefined;
  readonly origin?: string | undefined;
}

const HOST_AND_PORT = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i;
// Narrower than URL, to which `*` or an empty label is a host like any other.
const NORMAL_HOST = /^(\[[0-9a-f:]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*)$/;
// What URL would read as something else than a host, drop, or decode.
const NOT_IN_AN_ENTRY = /[\s\p{Cc}/\\?#@%]/u;
// What a browser sends is serialised: a space or a backslash is a client that hopes for a lenient parser.
const SERIALISED_HTTP_URL = /^https?:\/\/[^\s\p{Cc}\\]+$/iu;

/**
 * The text to check against a key's referrers: the first of the three headers that is there.
 *
 * An empty header counts as absent, because that is how the server reports one that was not sent. A header that
 * is there but wrong is not passed over for the next one.
 */
export const referrerOf = ({ referer, referrer, origin }: ReferrerHeaders): string | undefined =>
  [referer, referrer, origin].find((header) => header !== undefined && header !== '');

/**
 * Reads `host`, `*.host`, `host:port` or `*.host:port`. Undefined for anything else, such as a URL, a path, user
 * information, a port out of 1 to 65535, or a wildcard before an address.
 */
export function parseReferrerEntry(entry: string): ReferrerRule | undefined {
  const subdomains = entry.startsWith('*.');
  const rest = subdomains ? entry.slice(2) : entry;
  const [, hostText, portText] = HOST_AND_PORT.exec(rest) ?? [];
  if (hostText === undefined || NOT_IN_AN_ENTRY.test(rest)) return undefined;
  // A label in front of an address makes no address and no name, so URL itself refuses `*.127.0.0.1`.
  if (subdomains && !parseUrl(`http://label.${hostText}`)) return undefined;
  const host = normalHost(hostText);
  const port = portText === undefined ? undefined : Number(portText);
  if (host === undefined || (port !== undefined && (port < 1 || port > 65_535))) return undefined;
  return { host, subdomains, port };
}

/** True when `referrer` is an http or https URL whose host, and port where a rule names one, a rule admits. */
export function isReferrerAllowed(referrer: string, rules: readonly ReferrerRule[]): boolean {
  const url = SERIALISED_HTTP_URL.test(referrer) ? parseUrl(referrer) : undefined;
  if (!url) return false;
  const host = withoutDot(url.hostname);
  const port = portOf(url);
  return rules.some(
    (rule) =>
      (rule.subdomains ? host.endsWith(`.${rule.host}`) : host === rule.host) &&
      (rule.port === undefined || rule.port === port),
  );
}

const normalHost = (text: string): string | undefined => {
  const url = parseUrl(`http://${text}`);
  if (!url) return undefined;
  const host = withoutDot(url.hostname);
  return NORMAL_HOST.test(host) ? host : undefined;
};
