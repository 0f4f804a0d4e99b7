import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Config } from '../config.ts';
import { untilReady } from '../log/jetstream/until-ready.ts';
import type { Logger } from '../logger.ts';
import { diskStorageToRead, openDiskStorage } from '../storage/disk-storage.ts';
import { jetStreamStorageToRead, openJetStreamStorage } from '../storage/jetstream/jetstream-storage.ts';
import type { OutputReader, Storage } from '../storage/storage.ts';
import { inDataFolder } from './data-folder.ts';
import { orCannotStart } from './log-connection.ts';

/** The store that `STORAGE` names. */
export const openStorage = (config: Config, connection: NatsConnection, logger: Logger): Promise<Storage> =>
  config.STORAGE === 'jetstream'
    ? orCannotStart(untilReady('the store', () => openJetStreamStorage(connection, config), logger))
    : inDataFolder(config, openDiskStorage(join(config.DATA_DIR, 'files')));

/** The same to be read only. */
export const openStorageToRead = async (config: Config, connection: NatsConnection): Promise<OutputReader> =>
  config.STORAGE === 'jetstream'
    ? jetStreamStorageToRead(connection)
    : diskStorageToRead(join(config.DATA_DIR, 'files'));
