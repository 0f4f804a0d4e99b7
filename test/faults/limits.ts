import type { Account, Front } from './deployment.ts';
import { type LimitProbe, statusesIn } from './observations.ts';

/**
 * Asks each front, for each account, whether it admits as many open tasks as the limit allows, and not one
 * more. The tasks are canceled again. To be asked when all tasks have ended.
 */
export async function probeLimits(
  fronts: readonly Pick<Front, 'url'>[],
  accounts: readonly Account[],
): Promise<LimitProbe[]> {
  const probes: LimitProbe[] = [];
  for (const account of accounts)
    for (const [front, { url }] of fronts.entries()) {
      const post = (path: string, body: object) =>
        fetch(url + path, {
          method: 'POST',
          headers: { Authorization: `Secret ${account.secret}` },
          body: JSON.stringify(body),
        });
      const create = (count: number) =>
        post('/v1/create', {
          tasks: Array.from({ length: count }, () => ({ task_name: 'sleep', seconds: 3_600 })),
        });
      const full = await create(account.activeTasks);
      const overfull = await create(1);
      const created = await Promise.all(
        [full, overfull].map(async (answer) => statusesIn(await answer.json())),
      );
      const keys = created.flat().map(({ key }) => key);
      if (keys.length > 0) await post('/v1/cancel', { tasks: keys });
      // The front that is asked next may hear of it a moment later.
      const ended = { method: 'POST', body: JSON.stringify({ tasks: keys, block: true }) };
      if (keys.length > 0) await Promise.all(fronts.map((each) => fetch(`${each.url}/v1/status`, ended)));
      probes.push({ front, account: account.name, full: full.status, overfull: overfull.status });
    }
  return probes;
}
