import { spawn } from 'node:child_process';
import { fstatSync } from 'node:fs';

/**
 * Tells when nobody reads our output any more, also while there is nothing to write. Node does not: of a pipe it watches only
 * what it can read, or has to write. GNU tail does watch its own output, so one is given ours, to follow nothing; where
 * there is none like it, the next write finds out. It goes with this process.
 */
export function onReaderGone(tell: () => void): void {
  if (!fstatSync(1).isFIFO()) return;
  const args = ['-f', '/dev/null', `--pid=${process.pid}`];
  const tail = spawn('tail', args, { stdio: ['ignore', 'inherit', 'ignore'] });
  tail.on('error', () => {});
  // Any other end says nothing: a tail of another kind knows no `--pid`.
  tail.on('exit', (_, signal) => signal === 'SIGPIPE' && tell());
  tail.unref();
  process.once('exit', () => tail.kill());
}
