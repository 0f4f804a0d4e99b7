import { spawnSync } from 'node:child_process';

/**
 * The start of a command line under which a program may hold at most `bytes` of private writable memory (heap,
 * stacks, anonymous mappings), or nothing where the system has no `prlimit` (util-linux) or refuses that limit.
 */
export function memoryLimitCommand(bytes: number): readonly string[] {
  const command = ['prlimit', `--data=${bytes}`];
  const [program = '', ...args] = command;
  return spawnSync(program, [...args, 'true'], { stdio: 'ignore' }).status === 0 ? command : [];
}
