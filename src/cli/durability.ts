import type { Config } from '../config.ts';

/** Who runs the nats-servers: this start does, one or three, or somebody else does. */
export type Servers = 'embedded' | 'cluster' | 'external';

/** What an acknowledgement means, in one sentence for the start-up lines. The README says it at length. */
export function durability({ SYNC, REPLICAS }: Pick<Config, 'SYNC' | 'REPLICAS'>, servers: Servers): string {
  const place =
    REPLICAS === 1
      ? 'on disk'
      : `on the disks of ${Math.floor(REPLICAS / 2) + 1} of ${REPLICAS} nats-servers`;
  const settings = REPLICAS === 1 ? '' : `REPLICAS=${REPLICAS}`;
  if (servers === 'external')
    return `an acknowledged task is ${place} as soon as the sync_interval of the nats-server says (${settings || 'NATS_URL'})`;
  const named = [settings, `SYNC=${SYNC}`].filter(Boolean).join(', ');
  return SYNC === 'always'
    ? `an acknowledged task is ${place} (${named})`
    : `an acknowledged task is ${place} within a second (${named})`;
}
