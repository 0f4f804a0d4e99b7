import { spawnSync } from 'node:child_process';
import { codeBytes } from './held-memory.ts';

/**
 * The start of a command line under which this program may hold at most `bytes` of private writable memory (heap,
 * stacks, anonymous mappings), apart from what it sets aside for code, and leaves no core file, which would keep what
 * clients sent. Nothing where the system has no `prlimit` (util-linux) or refuses that limit.
 */
export function memoryLimitCommand(bytes: number): readonly string[] {
  const command = ['prlimit', `--data=${bytes + codeBytes()}`, '--core=0'];
  const [program = '', ...args] = command;
  return spawnSync(program, [...args, 'true'], { stdio: 'ignore' }).status === 0 ? command : [];
}
