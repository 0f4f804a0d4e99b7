import type { MediaTask } from './decoder.ts';

/** The same task, which may be run again: an output that was handed over counts the first time only. */
export function withOutputsOnce(task: MediaTask): MediaTask {
  const handed = new Set<string>();
  return {
    ...task,
    onOutput: async (output) => {
      if (handed.has(output.name)) return;
      handed.add(output.name);
      await task.onOutput(output);
    },
  };
}
