import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Config } from '../config.ts';
import { openDiskStorage } from '../storage/disk-storage.ts';
import { openJetStreamStorage } from '../storage/jetstream/jetstream-storage.ts';
import type { Storage } from '../storage/storage.ts';

/** The store that `STORAGE` names. */
export const openStorage = (config: Config, connection: NatsConnection): Promise<Storage> =>
  config.STORAGE === 'jetstream'
    ? openJetStreamStorage(connection, config)
    : openDiskStorage(join(config.DATA_DIR, 'files'));
