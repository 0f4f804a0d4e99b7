import { TaskFailure } from '../../actors/failure.ts';

/**
 * A failure because memory was short. How much there is depends also on what the process did before, so only one that
 * has done nothing else can say that there is not enough for the task.
 */
export class MemoryFailure extends TaskFailure {}
