import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import type { Config } from '../config.ts';
import { durability, type Servers } from './durability.ts';

export interface Welcome {
  readonly servers: Servers;
  /** The secret of the account that this start wrote. */
  readonly newSecret: string | undefined;
  /** Further fronts. */
  readonly others?: readonly string[];
}

/** What a person sees when the service is up: the address, a new secret once, and a line to paste. */
export async function welcome(
  config: Config,
  { servers, newSecret, others = [] }: Welcome,
): Promise<string[]> {
  const { PUBLIC_URL, ACCOUNTS_FILE, TLS_CERT } = config;
  const tls = TLS_CERT ? '' : '  (plain HTTP: TLS is expected in front of it)';
  const addresses = [PUBLIC_URL, ...others].join(' and ');
  const lines = ['', `Wyvern is up at ${addresses}${tls}`, `Durability: ${durability(config, servers)}`];
  if (newSecret)
    lines.push(
      `A new account was written to ${shown(ACCOUNTS_FILE)}; its secret, shown this once: ${newSecret}`,
    );
  const secret = newSecret ?? (await secretFromFile(ACCOUNTS_FILE));
  lines.push(
    secret
      ? 'Make a thumbnail of the sample photo:'
      : `Make a thumbnail of the sample photo (put one of your secrets in place of SECRET):`,
    '',
    `  ${curlLine(PUBLIC_URL, secret ?? 'SECRET')}`,
    '',
  );
  return lines;
}

const curlLine = (url: string, secret: string): string =>
  `curl -sS ${url}/v1/create -H "Authorization: Secret ${secret}" -d '{"tasks":{"task_name":"image.thumb","url":"${url}/files/sample/raccoon.jpg","width":300},"block":true}'`;

/** Not the secret itself, which was shown once, but a shell expression that reads it, in whatever folder. */
async function secretFromFile(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  if (!/"secret"\s*:/.test(text)) return undefined;
  const quoted = `'${path.replaceAll("'", "'\\''")}'`;
  return `$(node -p 'JSON.parse(fs.readFileSync(process.argv[1])).accounts.find(a => a.secret).secret' ${quoted})`;
}

const shown = (path: string): string => {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
};
