import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import { Clocks, findLibrary } from './clock.ts';
import { type Account, Deployment } from './deployment.ts';
import type { FaultName, Scene } from './faults.ts';
import { Origin } from './origin.ts';
import type { Random } from './random.ts';
import { NoVolume, Volume } from './volume.ts';

export interface StageOptions {
  readonly folder: string;
  readonly isCluster: boolean;
  readonly sync: 'always' | '1s';
  readonly faults: readonly FaultName[];
  readonly accounts: readonly Account[];
  readonly random: Random;
}

const NEED_VOLUME: readonly FaultName[] = ['fill disk', 'lose power'];
const NEED_CLOCKS: readonly FaultName[] = ['jump worker', 'jump front'];

/** A running service with all that its faults need, as far as the machine has it. */
export class Stage implements Scene {
  readonly deployment: Deployment;
  readonly connection: NatsConnection;
  readonly volume: Volume | undefined;
  readonly clocks: Clocks | undefined;
  readonly origin: Origin;
  /** What the machine lacks, and for which faults. */
  readonly skipped: readonly string[];

  private constructor(scene: Scene, origin: Origin, skipped: readonly string[]) {
    this.deployment = scene.deployment;
    this.connection = scene.connection;
    this.volume = scene.volume;
    this.clocks = scene.clocks;
    this.origin = origin;
    this.skipped = skipped;
  }

  static async set(options: StageOptions): Promise<Stage> {
    const { folder, isCluster, accounts, faults } = options;
    const skipped: string[] = [];
    await mkdir(folder, { recursive: true });
    const volume = needs(faults, NEED_VOLUME) ? await mountVolume(folder, isCluster, skipped) : undefined;
    const clocks = needs(faults, NEED_CLOCKS) ? await makeClocks(folder, skipped) : undefined;
    const origin = await Origin.start(options.random);
    const deployment = await Deployment.start({
      ...{ folder, isCluster, accounts, dataDir: volume?.folder ?? join(folder, 'data') },
      settings: { SYNC: options.sync, FETCH_ALLOW: '127.0.0.1' },
      ...(clocks && { clockVariables: (name: string) => clocks.variables(name) }),
    });
    const connection = await deployment.connect();
    await deployment.untilReady();
    await volume?.sync();
    return new Stage({ deployment, connection, volume, clocks }, origin, skipped);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.close();
    await this.deployment.stop();
    await this.volume?.unmount();
    this.origin.close();
  }
}

const needs = (faults: readonly FaultName[], these: readonly FaultName[]): boolean =>
  these.some((name) => faults.includes(name));

async function mountVolume(
  folder: string,
  isCluster: boolean,
  skipped: string[],
): Promise<Volume | undefined> {
  const without = (reason: string): undefined => void skipped.push(`${NEED_VOLUME.join(', ')}: ${reason}`);
  if (isCluster) return without('only with a single nats-server');
  try {
    return await Volume.mount(folder);
  } catch (error) {
    if (error instanceof NoVolume) return without(error.message);
    throw error;
  }
}

async function makeClocks(folder: string, skipped: string[]): Promise<Clocks | undefined> {
  const library = findLibrary();
  if (library) return Clocks.make(library, folder);
  skipped.push(
    `${NEED_CLOCKS.join(', ')}: libfaketime is not there (on Debian: apt-get install libfaketime)`,
  );
  return undefined;
}
