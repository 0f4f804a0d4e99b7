import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../src/free-port.ts';
import { App } from '../../src/front/app.ts';
import type { FrontParts } from '../../src/front/front-parts.ts';

/** The app on a port of its own, with no more of the front than the document and its page need. */
export async function startApp(): Promise<{ readonly url: string; close(): void }> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const parts = { config: { PUBLIC_URL: url }, metrics: { answered() {} }, connections: { count() {} } };
  const app = new App(parts as unknown as FrontParts);
  await app.listen('127.0.0.1', port);
  return { url, close: () => app.close() };
}

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** Where a Chromium is installed; undefined if none is. */
export const chromium: string | undefined = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  .find((path) => existsSync(path));

export interface Visit {
  /** The page as the browser understood it. */
  readonly dom: string;
  /** What the browser said of it: refused loads, errors. */
  readonly complaints: readonly string[];
}

/** Opens a page in a fresh headless browser. */
export async function visit(url: string): Promise<Visit> {
  const profile = await mkdtemp(join(tmpdir(), 'wyvern-browser-'));
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--disable-extensions',
  ];
  const logging = ['--enable-logging=stderr', '--v=0', `--user-data-dir=${profile}`, '--dump-dom'];
  try {
    const { stdout, stderr } = await promisify(execFile)(chromium as string, [...flags, ...logging, url], {
      maxBuffer: 64 * 1024 * 1024,
      timeout: 60_000,
    });
    return { dom: stdout, complaints: stderr.split('\n').filter((line) => line.includes('CONSOLE')) };
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 3 });
  }
}
