import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { endChildren } from './child.mjs';
import { explain } from './failure.mjs';
import { lint, write } from './lint.mjs';
import { setUp } from './setup.mjs';

// With NATS_URL there is a server already. Tests need one all the same: they start, kill and restart their
// own.
const toRun = { build: true, natsServer: !process.env.NATS_URL };
const TOOLS = {
  build: { needs: toRun, start: () => {} },
  format: { needs: { build: false, natsServer: false }, start: write },
  lint: { needs: { build: false, natsServer: false }, start: lint },
  test: { needs: { build: true, natsServer: true }, start: runTests },
  bench: { needs: { build: true, natsServer: true }, start: runTypeScript('test/bench/main.ts') },
  faults: { needs: { build: true, natsServer: true }, start: runTypeScript('test/faults/main.ts') },
};

/**
 * Sets the project up and then does what was asked: one of the tools above, or else a command of the
 * service's own program. Set-up says what takes time on stderr and nothing on stdout, which belongs to the
 * command.
 */
export async function runCommand(root, args) {
  const tool = Object.hasOwn(TOOLS, args[0] ?? '') ? TOOLS[args[0]] : undefined;
  const needs = tool?.needs ?? toRun;
  let ready;
  try {
    ready = await whileInterruptible(() => setUp({ root, env: process.env, needs, say }));
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = 1;
    return;
  }
  if (ready.natsServer) process.env.NATS_SERVER = ready.natsServer;
  if (tool) await tool.start(root, args.slice(1));
  else await startProgram(join(root, 'dist', 'src', 'cli', 'wyvern.js'), args);
}

const say = (text) => process.stderr.write(`set-up: ${text}\n`);

/** During set-up a signal ends the children too; afterwards signals are the command's own. */
async function whileInterruptible(work) {
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
  const stop = (signal) => {
    endChildren();
    process.exit(128 + numbers[signal]);
  };
  for (const signal of Object.keys(numbers)) process.on(signal, stop);
  try {
    return await work();
  } finally {
    for (const signal of Object.keys(numbers)) process.off(signal, stop);
  }
}

async function runTests(root, args) {
  process.chdir(root);
  await startProgram(join(root, 'node_modules', 'vitest', 'vitest.mjs'), [
    ...['run', '--config', join('test', 'vitest.config.ts')],
    ...args,
  ]);
}

/**
 * A program among the tests, straight from its TypeScript: vitest's own loader runs it, since Node 20 reads none.
 * What it loads late it must load before its top level ends.
 */
function runTypeScript(file) {
  return async (root, args) => {
    process.chdir(root);
    process.argv = [process.execPath, join(root, file), ...args];
    const { runnerImport } = await import('vite');
    const oxc = { target: 'es2022' };
    await runnerImport(join(root, file), { configFile: false, root, logLevel: 'error', oxc });
  };
}

/** In this process, so that npm's signals and its standard streams are the program's own. */
async function startProgram(path, args) {
  process.argv = [process.execPath, path, ...args];
  await import(pathToFileURL(path).href);
}
