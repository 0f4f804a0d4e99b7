import { setup } from 'xstate';

export type WorkerEvent =
  | { readonly type: 'READY' }
  /** Told to stop. */
  | { readonly type: 'DRAIN' }
  /** The last attempt that was held has been reported. */
  | { readonly type: 'IDLE' };

/**
 * A worker's life: starting → taking → draining → stopped.
 *
 * `starting` waits for the log and the consumers. `taking` asks for tasks. `draining` takes no more and
 * finishes what it holds; what has not ended when the grace time is over is handed back, and reported, in
 * `handingBack`, so that another worker has it at once instead of when the lease runs out.
 *
 * The host provides the actions; each is called once, on entry.
 */
export const workerMachine = setup({
  types: {
    events: {} as WorkerEvent,
    context: {} as { readonly graceMs: number },
    input: {} as { readonly graceMs: number },
  },
  actions: { take: () => {}, stopTaking: () => {}, handBack: () => {}, stop: () => {} },
  delays: { grace: ({ context }) => context.graceMs },
}).createMachine({
  id: 'worker',
  context: ({ input }) => input,
  initial: 'starting',
  states: {
    starting: { on: { READY: 'taking', DRAIN: 'stopped' } },
    taking: { entry: 'take', on: { DRAIN: 'draining' } },
    draining: { entry: 'stopTaking', on: { IDLE: 'stopped' }, after: { grace: 'handingBack' } },
    handingBack: { entry: 'handBack', on: { IDLE: 'stopped' } },
    stopped: { entry: 'stop', type: 'final' },
  },
});
