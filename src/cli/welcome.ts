import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import type { Config } from '../config.ts';

/** What a person sees when the service is up: the address, a new secret once, and a line to paste. */
export async function welcome(config: Config, newSecret: string | undefined): Promise<string[]> {
  const { PUBLIC_URL, ACCOUNTS_FILE, TLS_CERT } = config;
  const tls = TLS_CERT ? '' : '  (plain HTTP: TLS is expected in front of it)';
  const lines = ['', `Wyvern is up at ${PUBLIC_URL}${tls}`, `Durability: ${durability(config)}`];
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

const durability = ({ SYNC, NATS_URL }: Config): string => {
  if (NATS_URL) return 'as the nats-server at NATS_URL is configured';
  if (SYNC === 'always') return 'an acknowledged task is on disk (SYNC=always)';
  return 'an acknowledged task is on disk within a second (SYNC=1s)';
};

const curlLine = (url: string, secret: string): string =>
  `curl -s ${url}/v1/create -H "Authorization: Secret ${secret}" -d '{"tasks":{"task_name":"image.thumb","url":"${url}/files/sample/raccoon.jpg","width":300},"block":true}'`;

/** Not the secret itself, which was shown once, but a shell expression that reads it. */
async function secretFromFile(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  if (!/"secret"\s*:/.test(text)) return undefined;
  return `$(node -p "JSON.parse(fs.readFileSync('${shown(path)}')).accounts.find(a => a.secret).secret")`;
}

const shown = (path: string): string => {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
};
