/* A worker that knows one task more than the shipped ones: it blocks the worker's own event loop, for BLOCK_MS. */
import Type from 'typebox';
import { worker } from '../../dist/src/cli/worker.js';
import { readConfig } from '../../dist/src/config.js';
import { catalogue } from '../../dist/src/tasks/catalogue.js';

const block = (milliseconds) => {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
};

catalogue.set('test.block', {
  name: 'test.block',
  description: 'Blocks the event loop of its worker, then says that it is awake.',
  parameters: Type.Object({}, { additionalProperties: false }),
  result: Type.Integer(),
  runsIn: 'worker',
  hasDeadline: false,
  files: () => [],
  sources: () => [],
  run: async (_, { progress }) => {
    // Once what had to be written before this has been.
    await new Promise((resolve) => setTimeout(resolve, 500));
    block(Number(process.env.BLOCK_MS));
    progress('awake');
    return process.pid;
  },
});

await worker(readConfig());
