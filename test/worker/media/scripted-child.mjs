/* The real child over tasks that do what a test asks for: run from what was compiled, as the pool forks it. */
import { createHash, pbkdf2 } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { TaskFailure } from '../../../dist/actors/failure.js';
import { MemoryFailure } from '../../../dist/src/tasks/memory-failure.js';
import { serveTasks } from '../../../dist/src/worker/media/serve.js';

const kept = [];
const never = () => new Promise(() => {});
const output = (name, data) => ({ name, extension: 'png', contentType: 'image/png', data });

const scripts = {
  echo: async (parameters, { sources }) => ({ parameters, sources, pid: process.pid }),
  digests: async (_parameters, { sources }) =>
    sources.map(({ data }) => createHash('sha256').update(data).digest('hex')),
  environment: async ({ names }) => names.map((name) => process.env[name]),
  limits: async () => readFileSync('/proc/self/limits', 'utf8'),

  talk: async (_parameters, context) => {
    context.progress(1);
    await context.output(output('small', Buffer.from('from the shared pool of buffers')));
    context.progress({ half: [true, null] });
    await context.output(output('empty', new Uint8Array()));
    return 'talked';
  },
  output: async ({ bytes }, context) => {
    await context.output(output('large', Buffer.alloc(bytes, 'wyvern')));
  },
  outputs: async ({ names }, context) => {
    for (const name of names) {
      await context.output(output(name, Buffer.from(name)));
      context.progress(name);
    }
  },
  talkLate: async (_parameters, context) => {
    setInterval(() => context.progress('late'), 1);
  },

  // What the child's own code would not say; `parts` go into a message of this task, or into an output of it.
  say: async ({ parts }) => {
    process.send({ task: 1, ...parts });
    await never();
  },
  sayOutput: async ({ parts }) => {
    process.send({ task: 1, type: 'output', output: { ...output('output', Buffer.from('x')), ...parts } });
    await never();
  },
  sayStrange: async ({ what }) => {
    const strange = { null: null, text: 'text', number: 7, list: [] };
    process.send(strange[what]);
    await never();
  },
  sayAfterEnd: async () => {
    setTimeout(() => process.send({ task: 1, type: 'output', output: {} }), 50);
  },

  fail: async ({ message, passing, cause }) => {
    throw new TaskFailure(message, { passing, cause: cause && new Error(cause) });
  },
  break: async ({ message }) => {
    throw new RangeError(message);
  },
  throwText: async () => {
    throw 'only text';
  },
  throwAtOnce: () => {
    throw new TypeError('at once');
  },
  returnFunction: async () => () => {},
  reportFunction: async (_parameters, context) => context.progress(() => {}),
  allocate: async ({ bytes }) => Buffer.alloc(bytes, 1).length,
  keep: async ({ bytes }) => {
    kept.push(Buffer.alloc(bytes, 1));
    return process.pid;
  },
  reserve: async ({ bytes }) => {
    kept.push(new ArrayBuffer(bytes));
    return process.pid;
  },
  // Hands over an output before it asks for its memory; then waits for a file, if one is named.
  need: async ({ bytes, path }, context) => {
    context.progress(process.pid);
    await context.output(output('first', Buffer.from('x')));
    try {
      Buffer.alloc(bytes, 1);
    } catch (cause) {
      throw new MemoryFailure('needs more memory', { cause });
    }
    while (path && !existsSync(path)) await delay(5);
    await context.output(output('second', Buffer.from('x')));
    return process.pid;
  },

  // Each says who it is once it runs.
  waitForFile: async ({ path }, context) => {
    context.progress(process.pid);
    while (!existsSync(path)) await delay(5);
    return process.pid;
  },
  hang: async (_parameters, context) => {
    context.progress(process.pid);
    await never();
  },
  hangInJavaScript: async (_parameters, context) => {
    context.progress(process.pid);
    // It has left this process before the loop begins.
    await context.output(output('empty', new Uint8Array()));
    for (;;);
  },
  hangInNativeCode: async (_parameters, context) => {
    pbkdf2('', '', 2 ** 31 - 1, 64, 'sha512', () => {});
    context.progress(process.pid);
    await never();
  },

  kill: async ({ signal }) => {
    process.kill(process.pid, signal);
    await never();
  },
  exit: async ({ code }) => process.exit(code),
  rejectUnseen: async () => {
    void Promise.reject(new Error('nobody handles this'));
    await never();
  },
  disconnect: async () => {
    process.removeAllListeners('disconnect');
    setImmediate(() => process.disconnect());
    setInterval(() => {}, 1_000);
    await never();
  },
};

serveTasks(new Map(Object.entries(scripts).map(([name, run]) => [name, { name, run }])));
