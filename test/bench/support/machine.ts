import { spawnSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';

/** The machine and the versions, for the head of a report. */
export function machine(): string {
  const [first] = cpus();
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  const server = version(process.env.NATS_SERVER ?? 'nats-server', '--version');
  return [
    `${cpus().length} × ${first?.model ?? 'unknown'}, ${gigabytes} GiB`,
    `Node ${process.version}`,
    server ?? 'no nats-server',
    version('redis-server', '--version')?.replace(/ sha=.*/, '') ?? 'no redis-server',
    version('postgres', '--version') ?? 'no postgres',
  ].join('; ');
}

/** The first line that a program prints of its version; undefined if it is not there. */
export function version(program: string, flag: string): string | undefined {
  const { status, stdout } = spawnSync(program, [flag], { encoding: 'utf8' });
  return status === 0 ? stdout.split('\n', 1)[0] : undefined;
}
