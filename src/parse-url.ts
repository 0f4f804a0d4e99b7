/**
 * Undefined for what is no URL. In place of `URL.canParse`, which once V8 has compiled it (in Node 20, after some 5,000
 * calls) refuses URLs with letters such as `ü`.
 */
export function parseUrl(text: string, base?: string | URL): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}
