import { parseArgs } from 'node:util';
import { TASK_EVENT_TYPES, type TaskEventType } from '../../actors/event.ts';
import { isKey } from '../log/key.ts';
import { isAfter, type Position, parsePosition } from '../log/position.ts';
import { hasZstd } from './compression.ts';

export const REPLAY_USAGE = `Usage: wyvern replay [options]

Shows what the log holds: of the service on DATA_DIR, running or not, or of the nats-server at NATS_URL.

  --from SEQ|DATE    begin there                     --until SEQ|DATE  end there
  --task KEY         only this task (repeatable)     --type TYPE       only these events (repeatable)
  --account NAME     only this account's             --json            one JSON object a line
  --follow           go on as the log grows          --speed N         as it happened, N times as fast

  --state KEY[@SEQ]  the task machine's snapshot, now or at that event
  --verify           check every history, the chain of hashes and the outputs; with --skip-outputs not these
  --export FILE      write the records as NDJSON; FILE.gz and FILE.zst are compressed
  --import FILE      make of such a file the log that it was written from, where there is no log yet

--verify looks for outputs where STORAGE and DATA_DIR say: set them as the service has them.

Ends with 1 if anything is illegal or a file fails, with 2 if it is asked wrongly, with 78 if the log cannot be read,
with 130 if it is broken off.`;

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface ReplayOptions {
  readonly mode: 'show' | 'state' | 'verify' | 'export' | 'import';
  readonly from: Position | undefined;
  readonly until: Position | undefined;
  readonly tasks: readonly string[] | undefined;
  readonly types: readonly TaskEventType[] | undefined;
  readonly account: string | undefined;
  readonly json: boolean;
  readonly follow: boolean;
  /** How many times as fast as it happened; undefined for as fast as it can be read. */
  readonly speed: number | undefined;
  readonly state: { readonly key: string; readonly seq: number | undefined } | undefined;
  readonly skipOutputs: boolean;
  readonly file: string | undefined;
}

const OPTIONS = {
  from: { type: 'string' },
  until: { type: 'string' },
  task: { type: 'string', multiple: true },
  type: { type: 'string', multiple: true },
  account: { type: 'string' },
  json: { type: 'boolean' },
  follow: { type: 'boolean' },
  speed: { type: 'string' },
  state: { type: 'string' },
  verify: { type: 'boolean' },
  'skip-outputs': { type: 'boolean' },
  export: { type: 'string' },
  import: { type: 'string' },
} as const;

/** What may stand beside each of the modes. */
const BESIDE = {
  show: ['from', 'until', 'task', 'type', 'account', 'json', 'follow', 'speed'],
  state: ['state', 'json'],
  verify: ['verify', 'from', 'until', 'task', 'account', 'json', 'skip-outputs'],
  export: ['export', 'from', 'until', 'task', 'account', 'json'],
  import: ['import', 'json'],
} as const satisfies Record<ReplayOptions['mode'], readonly (keyof typeof OPTIONS)[]>;

/** Throws `UsageError`. */
export function readReplayOptions(args: readonly string[]): ReplayOptions {
  const values = parse(args);
  const mode =
    (['state', 'verify', 'export', 'import'] as const).find((name) => values[name] !== undefined) ?? 'show';
  const stray = Object.keys(values).find((name) => !(BESIDE[mode] as readonly string[]).includes(name));
  if (stray)
    throw new UsageError(`--${stray} does not go with ${mode === 'show' ? 'the rest' : `--${mode}`}`);
  if (values.follow && (values.until !== undefined || values.speed !== undefined))
    throw new UsageError('--follow has no end and no speed of its own');
  const from = position('from', values.from);
  const until = position('until', values.until);
  if (isAfter(from, until)) throw new UsageError('--from is after --until');
  return {
    mode,
    from,
    until,
    tasks: values.task?.map((key) => checkKey('task', key)),
    types: values.type?.map(checkType),
    account: values.account,
    json: values.json ?? false,
    follow: values.follow ?? false,
    speed: values.speed === undefined ? undefined : checkSpeed(values.speed),
    state: values.state === undefined ? undefined : checkState(values.state),
    skipOutputs: values['skip-outputs'] ?? false,
    file: checkFile(values.export ?? values.import),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.split('. ')[0] ?? '', { cause: error });
  }
}

function position(name: string, text: string | undefined): Position | undefined {
  const found = text === undefined ? undefined : parsePosition(text);
  if (text !== undefined && !found)
    throw new UsageError(`--${name} must be the seq of an event or an ISO 8601 date, it is '${text}'`);
  return found;
}

function checkKey(name: string, key: string): string {
  if (!isKey(key)) throw new UsageError(`--${name}: '${key}' is not a task key`);
  return key;
}

function checkType(type: string): TaskEventType {
  const found = TASK_EVENT_TYPES.find((known) => known === type);
  if (!found) throw new UsageError(`--type must be one of: ${TASK_EVENT_TYPES.join(', ')}; it is '${type}'`);
  return found;
}

function checkSpeed(text: string): number {
  const speed = Number(text);
  if (!(speed > 0 && Number.isFinite(speed)))
    throw new UsageError(`--speed must be a number above 0, it is '${text}'`);
  return speed;
}

function checkState(text: string): ReplayOptions['state'] {
  const [key = '', seq, more] = text.split('@');
  checkKey('state', key);
  if (more !== undefined || (seq !== undefined && !/^\d{1,15}$/.test(seq)))
    throw new UsageError(`--state must be KEY or KEY@SEQ, it is '${text}'`);
  return { key, seq: seq === undefined ? undefined : Number(seq) };
}

function checkFile(file: string | undefined): string | undefined {
  if (file === '') throw new UsageError('--export and --import need the name of a file');
  if (file?.endsWith('.zst') && !hasZstd)
    throw new UsageError(
      `zstd needs Node 22.15 or later, this is ${process.version}; name the file .gz, or without an ending for plain NDJSON`,
    );
  return file;
}
