import { spawnSync } from 'node:child_process';

/** Whether the system has `prlimit` (util-linux), by which the memory of decoders and the size of files are limited. */
export const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0;
