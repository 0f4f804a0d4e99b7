/* A parent that a test can kill: says the pid of a child that hangs, and stays. */
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { MediaPool } from '../../../dist/src/worker/media/pool.js';

const modulePath = fileURLToPath(new URL('./scripted-child.mjs', import.meta.url));
const pool = new MediaPool({
  size: 1,
  childCommand: { modulePath, args: [] },
  logger: pino({ level: 'silent' }),
});
const { signal } = new AbortController();
const decoder = await pool.lend('quick', signal);
await decoder.run({
  name: process.argv[2],
  parameters: {},
  sources: [],
  signal,
  onProgress: (pid) => process.stdout.write(`${pid}\n`),
  onOutput: () => {},
});
