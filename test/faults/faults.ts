import type { NatsConnection } from '@nats-io/transport-node';
import { until } from '../support/until.ts';
import type { Clocks } from './clock.ts';
import type { Client, Deployment } from './deployment.ts';
import type { ManagedProcess, Role } from './managed-process.ts';
import type { Random } from './random.ts';
import type { Volume } from './volume.ts';

/** What faults are done to, and with. */
export interface Scene {
  readonly deployment: Deployment;
  readonly connection: NatsConnection;
  readonly volume: Volume | undefined;
  readonly clocks: Clocks | undefined;
}

/** A fault in force: who is hit, and how it is undone. */
export interface Harm {
  readonly target: string;
  heal(): Promise<void> | void;
}

export interface Fault {
  /** Milliseconds that it lasts, at least and at most. */
  readonly lastsMs: readonly [number, number];
  /** Whom it takes away meanwhile: of each role one is taken at a time, so that somebody is left. */
  readonly takes: readonly Role[];
  isPossible(scene: Scene): boolean;
  strike(scene: Scene, random: Random): Promise<Harm>;
}

const always = (): boolean => true;

const pickClient = (scene: Scene, role: Role, random: Random): Client =>
  random.pick(role === 'front' ? scene.deployment.fronts : scene.deployment.workers) as Client;

/** In a cluster the one that matters most: the leader of the log. */
async function pickProcess(scene: Scene, role: Role, random: Random): Promise<ManagedProcess> {
  if (role !== 'server') return pickClient(scene, role, random).process;
  const { deployment, connection } = scene;
  return until(() => deployment.leader(connection).catch(() => undefined), 30_000);
}

const takenAway = (role: Role, signal: 'SIGKILL' | 'SIGTERM', lastsMs: Fault['lastsMs']): Fault => ({
  lastsMs,
  takes: [role],
  isPossible: always,
  strike: async (scene, random) => {
    const victim = await pickProcess(scene, role, random);
    await victim.takeAway(signal);
    return { target: victim.name, heal: () => victim.start() };
  },
});

const paused = (role: Role, lastsMs: Fault['lastsMs']): Fault => ({
  lastsMs,
  takes: [role],
  isPossible: always,
  strike: async (scene, random) => {
    const victim = await pickProcess(scene, role, random);
    victim.signal('SIGSTOP');
    return { target: victim.name, heal: () => victim.signal('SIGCONT') };
  },
});

const cutOff = (role: 'front' | 'worker', how: 'deaf' | 'cut', lastsMs: Fault['lastsMs']): Fault => ({
  lastsMs,
  takes: [role],
  isPossible: always,
  strike: async (scene, random) => {
    const { process: victim, wires } = pickClient(scene, role, random);
    for (const wire of wires) wire.set(how);
    return {
      target: victim.name,
      heal: () => {
        for (const wire of wires) wire.set('open');
      },
    };
  },
});

/** An hour forth, or back, and then right again. */
const jumped = (role: 'front' | 'worker'): Fault => ({
  lastsMs: [2_000, 6_000],
  takes: [role],
  isPossible: ({ clocks }) => clocks !== undefined,
  strike: async (scene, random) => {
    const clocks = scene.clocks as Clocks;
    const { name } = pickClient(scene, role, random).process;
    const seconds = random.pick([-3_600, -5, 5, 3_600]) as number;
    clocks.jump(name, seconds);
    return { target: `${name} by ${seconds} s`, heal: () => clocks.jump(name, 0) };
  },
});

const diskFull: Fault = {
  lastsMs: [2_000, 5_000],
  takes: ['server'],
  isPossible: ({ volume }) => volume !== undefined,
  strike: async ({ volume }) => {
    await volume?.fill();
    return { target: 'the disk', heal: () => volume?.empty() };
  },
};

/** Everything is off at once, and what was not on disk is gone. */
const powerLost: Fault = {
  lastsMs: [200, 2_000],
  takes: ['server', 'front', 'worker'],
  isPossible: ({ volume }) => volume !== undefined,
  strike: async ({ deployment, volume }) => {
    const everybody = [...deployment.servers, ...deployment.clients.map(({ process: running }) => running)];
    await volume?.losePower();
    await Promise.all(everybody.map((running) => running.takeAway('SIGKILL')));
    return {
      target: 'everything',
      heal: async () => {
        await volume?.restorePower();
        await deployment.startAll();
      },
    };
  },
};

/** Every fault that there is. A worker that stands still or is cut off for 11 s has lost its tasks. */
export const FAULTS = {
  'kill worker': takenAway('worker', 'SIGKILL', [100, 4_000]),
  'stop worker': takenAway('worker', 'SIGTERM', [100, 2_000]),
  'pause worker': paused('worker', [500, 13_000]),
  'deafen worker': cutOff('worker', 'deaf', [500, 13_000]),
  'cut off worker': cutOff('worker', 'cut', [500, 13_000]),
  'kill front': takenAway('front', 'SIGKILL', [100, 3_000]),
  'stop front': takenAway('front', 'SIGTERM', [100, 2_000]),
  'pause front': paused('front', [500, 6_000]),
  'deafen front': cutOff('front', 'deaf', [500, 8_000]),
  'cut off front': cutOff('front', 'cut', [500, 8_000]),
  'kill server': takenAway('server', 'SIGKILL', [100, 4_000]),
  'stop server': takenAway('server', 'SIGTERM', [100, 2_000]),
  'pause server': paused('server', [500, 8_000]),
  'jump worker': jumped('worker'),
  'jump front': jumped('front'),
  'fill disk': diskFull,
  'lose power': powerLost,
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];
