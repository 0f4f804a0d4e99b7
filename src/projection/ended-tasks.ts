import type { TaskState } from './state.ts';

/**
 * Ended tasks kept outside of memory, to be found faster than in the log. Keeps what it can and promises nothing:
 * what is not here is in the log.
 */
export interface EndedTasks {
  put(state: TaskState): void;
  /** Undefined for what is not kept. Never rejects. */
  get(key: string): Promise<TaskState | undefined>;
  /** Forgets all, and keeps nothing any more. */
  close(): void;
}
