import type { MediaTask } from './decoder.ts';

/** The same task, which may be run again: an output counts the first time only, and progress as it goes on. */
export function withOutputsOnce(task: MediaTask): MediaTask {
  const handed = new Set<string>();
  let furthest = Number.NEGATIVE_INFINITY;
  return {
    ...task,
    onProgress: (value) => {
      if (typeof value === 'number') {
        if (value <= furthest) return;
        furthest = value;
      }
      task.onProgress(value);
    },
    onOutput: async (output) => {
      if (handed.has(output.name)) return;
      handed.add(output.name);
      await task.onOutput(output);
    },
  };
}
