import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const BIOME = '@biomejs/biome/bin/biome';
const TSC = 'typescript/bin/tsc';
const CHECKS = [
  ['format and lint', BIOME, ['check', '.']],
  ['types of the sources', TSC, ['--noEmit', '-p', 'tsconfig.json']],
  ['types of the tests', TSC, ['--noEmit', '-p', 'test/tsconfig.json']],
];

/**
 * Runs every check, cheap before dear, each announced by a line; one that fails does not keep the others
 * from running.
 */
export async function lint(root) {
  for (const [what, program, args] of CHECKS) {
    process.stdout.write(`lint: ${what}\n`);
    if (await runTool(root, program, args)) continue;
    process.stdout.write(`lint: ${what}: failed\n`);
    process.exitCode = 1;
  }
}

/** Formats everything, and repairs what Biome repairs safely. */
export async function write(root, args) {
  if (!(await runTool(root, BIOME, ['check', '--write', '.', ...args]))) process.exitCode = 1;
}

async function runTool(root, program, args) {
  const path = join(root, 'node_modules', program);
  const child = spawn(process.execPath, [path, ...args], { cwd: root, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  return code === 0;
}
