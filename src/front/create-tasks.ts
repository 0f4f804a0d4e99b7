import type { Account } from '../accounts/account.ts';
import type { TaskState } from '../projection/state.ts';
import type { CheckedTask } from './definitions.ts';
import type { Exchange } from './exchange.ts';
import type { FrontParts } from './front-parts.ts';
import { nameCreate } from './idempotency.ts';

/** Pages may read the one header of ours that they could not guess. */
const REPLAYED = {
  'Idempotent-Replayed': 'true',
  'Access-Control-Expose-Headers': 'Idempotent-Replayed',
};

/**
 * Creates the tasks of a request, under the name that its client may have given it; the answer says if they are
 * those of an earlier one. Rejects as `TaskCreation.create` does.
 */
export async function createTasks(
  { creation, metrics }: Pick<FrontParts, 'creation' | 'metrics'>,
  exchange: Exchange,
  account: Account,
  tasks: readonly CheckedTask[],
  idempotencyKey: string | undefined,
): Promise<TaskState[]> {
  const { states, isReplay } = await creation.create(account, tasks, nameCreate(idempotencyKey, tasks));
  if (isReplay) {
    exchange.addHeaders(REPLAYED);
    metrics.replayed();
  }
  return states;
}
