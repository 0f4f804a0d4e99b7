import { isDeepStrictEqual } from 'node:util';
import {
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';

/** What of a stream follows the settings. */
type Adjustable = Partial<StreamConfig> & Pick<StreamConfig, 'num_replicas'>;

/**
 * Makes the stream, or brings what may change of it to the settings; `made` is what it is made with beside that. Resolves
 * with how it is then; rejects while JetStream does not answer.
 */
export async function provideStream(
  manager: JetStreamManager,
  made: Partial<StreamConfig> & Pick<StreamConfig, 'name'>,
  adjustable: Adjustable,
): Promise<StreamConfig> {
  const found = await findStream(manager, made.name);
  if (found) return adjustStream(manager, found.config, adjustable);
  return (await manager.streams.add({ ...made, ...adjustable })).config;
}

/** Brings a stream to the settings. Resolves with how it is then. */
export async function adjustStream(
  manager: JetStreamManager,
  found: StreamConfig,
  adjustable: Adjustable,
): Promise<StreamConfig> {
  const wanted = { ...adjustable, num_replicas: copiesOf(found, adjustable.num_replicas) };
  const isSo = ([name, value]: [string, unknown]) =>
    isDeepStrictEqual(found[name as keyof StreamConfig], value);
  if (Object.entries(wanted).every(isSo)) return found;
  return (await manager.streams.update(found.name, wanted)).config;
}

/** Never fewer than there are: one front that was started without `REPLICAS` would take them from all the others. */
export const copiesOf = ({ num_replicas }: StreamConfig, wanted: number): number =>
  Math.max(num_replicas, wanted);

/** Undefined if it has not been made. Rejects while JetStream does not answer. */
export const findStream = (manager: JetStreamManager, name: string): Promise<StreamInfo | undefined> =>
  orNothing(manager.streams.info(name));

/** The subjects that fit the filter and have a message. Rejects while JetStream does not answer. */
export async function subjectsIn(
  manager: JetStreamManager,
  stream: string,
  filter: string,
): Promise<string[]> {
  const { state } = await manager.streams.info(stream, { subjects_filter: filter });
  return Object.keys(state.subjects ?? {});
}

export const hasCode = (error: unknown, ...codes: readonly number[]): boolean =>
  error instanceof JetStreamApiError && codes.includes(error.code);

/** What is not there, be it the message or the whole stream, is nothing. */
export async function orNothing<T>(asked: Promise<T | null>): Promise<T | undefined> {
  try {
    return (await asked) ?? undefined;
  } catch (error) {
    if (hasCode(error, JetStreamApiCodes.StreamNotFound, JetStreamApiCodes.NoMessageFound)) return undefined;
    throw error;
  }
}
