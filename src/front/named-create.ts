import type { Account } from '../accounts/account.ts';
import type { TaskState } from '../projection/state.ts';
import type { CheckedTask } from './definitions.ts';
import type { Exchange } from './exchange.ts';
import type { FrontParts } from './front-parts.ts';
import { nameRequest } from './idempotency.ts';

/** Pages may read the one header of ours that they could not guess. */
const REPLAYED = {
  'Idempotent-Replayed': 'true',
  'Access-Control-Expose-Headers': 'Idempotent-Replayed',
};

/**
 * Submits the tasks of a request, under the name that its client may have given it; the answer says if they are
 * those of an earlier one. Rejects as `Submissions.submit` does.
 */
export async function submit(
  { submissions, metrics }: FrontParts,
  exchange: Exchange,
  account: Account,
  tasks: readonly CheckedTask[],
  idempotencyKey: string | undefined,
): Promise<TaskState[]> {
  const { states, isReplay } = await submissions.submit(account, tasks, nameRequest(idempotencyKey, tasks));
  if (isReplay) {
    exchange.addHeaders(REPLAYED);
    metrics.replayed();
  }
  return states;
}
