import { allowLargeHeaders, ConfigError, readConfig } from '../config.ts';
import { CANNOT_START } from './child.ts';
import { CannotStart, complain, say } from './terminal.ts';

const USAGE = `Usage: wyvern <command>

  up       the whole service on this machine: nats-server (unless NATS_URL is set), front, workers
  cluster  the same as three machines would run it: three nats-servers, two fronts, three workers; --tls
  front    the HTTP side alone, on the log at NATS_URL
  worker   one worker alone, on the log at NATS_URL
  replay   what the log holds: shown, followed, checked, exported; --help

Settings are environment variables; the README lists them.`;

/** What commands take beside `--help`: most of what is set stands in the environment. */
const TAKEN: ReadonlyMap<string | undefined, readonly string[]> = new Map([
  ['up', []],
  ['cluster', ['--tls']],
  ['front', []],
  ['worker', []],
]);

/** Each command loads its own part only: the front never loads sharp, a worker never opens a port. */
async function run(command: string | undefined, args: readonly string[]): Promise<void> {
  const taken = TAKEN.get(command);
  const unknown = taken && args.find((argument) => !taken.includes(argument));
  if (taken && unknown !== undefined) {
    if (unknown === '--help') return say(USAGE);
    complain(`'${command}' takes ${taken[0] ?? 'no arguments'}, it has '${unknown}'.\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  switch (command) {
    case 'up':
      return (await import('./up.ts')).up(readConfig());
    case 'cluster':
      return (await import('./cluster.ts')).cluster(readConfig(), args);
    case 'front':
      allowLargeHeaders();
      return (await loadFront()).front(readConfig());
    case 'worker':
      return (await import('./worker.ts')).worker(readConfig());
    case 'replay':
      return (await import('./replay.ts')).replay(readConfig(), args);
    case 'media':
      return (await import('../worker/media/child.ts')).runMediaChild();
    case 'help':
    case '--help':
      return say(USAGE);
    default:
      complain(command === undefined ? USAGE : `'${command}' is not a command.\n\n${USAGE}`);
      process.exitCode = 2;
  }
}

/** Rejects with `CannotStart` where uWebSockets.js, of which a front is made, has no binary that this system can load. */
async function loadFront(): Promise<typeof import('./front.ts')> {
  try {
    return await import('./front.ts');
  } catch (error) {
    const [, reason] =
      /^This version of uWS\.js supports only .*\n\n(?:Error: )?(.+)/.exec((error as Error).message) ?? [];
    if (reason === undefined) throw error;
    throw new CannotStart(
      `Node.js ${process.versions.node} cannot load uWebSockets.js on this system, see "Start it" in the README: ${reason}`,
      { cause: error },
    );
  }
}

try {
  await run(process.argv[2], process.argv.slice(3));
} catch (error) {
  const isExpected = error instanceof ConfigError || error instanceof CannotStart;
  const { message, stack } = error as Error;
  complain(isExpected ? message : (stack ?? message));
  process.exit(isExpected ? CANNOT_START : 1);
}
