import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Config } from '../../src/config.ts';
import { connectToNats } from '../../src/log/jetstream/connection.ts';
import { JetStreamImport } from '../../src/log/jetstream/import.ts';
import { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { createLogger } from '../../src/logger.ts';
import { importFile } from '../../src/replay/import.ts';
import { readReplayOptions } from '../../src/replay/options.ts';
import { replay } from '../../src/replay/replay.ts';
import type { OutputReader } from '../../src/storage/storage.ts';
import { TestLog } from '../support/nats.ts';

/** A server that has no log, and a folder. */
export class Bench implements AsyncDisposable {
  readonly folder: string;
  readonly connection: NatsConnection;
  readonly #server: TestLog;

  private constructor(folder: string, server: TestLog, connection: NatsConnection) {
    this.folder = folder;
    this.#server = server;
    this.connection = connection;
  }

  static async start(): Promise<Bench> {
    const server = await TestLog.start();
    const logger = createLogger('test', server.config);
    const connection = await connectToNats(server.url, 'test', server.config, logger);
    return new Bench(await mkdtemp(join(tmpdir(), 'wyvern-import-')), server, connection);
  }

  get config(): Config {
    return this.#server.config;
  }

  /** As `NATS_URL` takes it. */
  get url(): string {
    return this.#server.url;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** What `wyvern replay --import` does. */
  async import(file: string): Promise<string> {
    const lines: string[] = [];
    await importFile(
      {
        begin: (what) => JetStreamImport.begin(this.connection, this.#server.config, what),
        write: async (line) => void lines.push(line),
        progress: () => {},
        signal: new AbortController().signal,
      },
      { file, json: false },
    );
    return lines.join('\n');
  }

  /** As replay opens it. Undefined if there is none; rejects with `UnfinishedImport`. */
  log(): Promise<JetStreamLog | undefined> {
    return JetStreamLog.openExisting(
      this.connection,
      this.#server.config,
      createLogger('test', this.#server.config),
    );
  }

  /** Names of all streams on the server. */
  async streams(): Promise<string[]> {
    const manager = await jetstreamManager(this.connection);
    return (await manager.streams.list().next()).map(({ config }) => config.name);
  }

  async removeLog(): Promise<void> {
    const manager = await jetstreamManager(this.connection);
    for (const name of await this.streams()) await manager.streams.delete(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.close();
    await this.#server[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}

const NOTHING: OutputReader = { place: 'nowhere', open: async () => undefined };

/** What `wyvern replay` does with these arguments. */
export async function replayed(
  on: JetStreamLog | undefined | { readonly log: JetStreamLog | undefined; readonly storage: OutputReader },
  ...args: string[]
): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const { log, storage } = on && 'storage' in on ? on : { log: on, storage: NOTHING };
  const code = await replay(
    {
      log: log as JetStreamLog,
      storage: async () => storage,
      write: async (line) => void lines.push(line),
      progress: () => {},
      signal: new AbortController().signal,
    },
    readReplayOptions(args),
  );
  return { code, lines };
}

/** The lines of a plain export. */
export const linesIn = async (file: string): Promise<string[]> =>
  (await readFile(file, 'utf8')).trimEnd().split('\n');
