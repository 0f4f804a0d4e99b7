import type { NatsConnection } from '@nats-io/transport-node';
import { expect } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { createLogger } from '../../src/logger.ts';
import { connectToLogOf } from '../support/raw-log.ts';
import { Service } from '../support/service.ts';
import { type Status, statusesOf } from './support.ts';

export type Account = 'acme' | 'globex' | 'audit' | 'former';

/** One line of a feed of events. */
export interface Line {
  readonly seq: number;
  readonly time: string;
  readonly type: string;
  readonly key: string;
  readonly task_name: string;
  readonly account: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly late?: boolean;
  readonly gap?: { readonly from: number; readonly to: number };
  readonly unreadable?: { readonly seq: number; readonly reason: string };
  readonly heartbeat?: { readonly seq: number };
}

/** What a reader in the background has got so far. */
export interface Following {
  readonly lines: readonly Line[];
  /** All of the text. */
  text(): string;
  /** `ended` if the service ended it in order, `cut` if the connection broke. */
  readonly closed: Promise<'ended' | 'cut'>;
  leave(): void;
}

/** The real service with two accounts and an auditor, and its log, past every front. */
export class HistoryStage implements AsyncDisposable {
  readonly service: Service;
  readonly log: JetStreamLog;
  readonly connection: NatsConnection;

  private constructor(service: Service, log: JetStreamLog, connection: NatsConnection) {
    this.service = service;
    this.log = log;
    this.connection = connection;
  }

  static async open(env: Readonly<Record<string, string>> = {}): Promise<HistoryStage> {
    const service = await Service.startFor(ACCOUNTS, env);
    const connection = await connectToLogOf(service.dataDir);
    const config = readConfig({ ...env, DATA_DIR: service.dataDir, LOG_LEVEL: 'fatal' });
    const log = await JetStreamLog.open(connection, config, createLogger('test', config));
    return new HistoryStage(service, log, connection);
  }

  ask(account: Account, query = '', headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.service.url}/v1/history_stream?${query}`, {
      headers: { Authorization: `Secret ${account}-secret`, ...headers },
    });
  }

  /** All of a feed that ends. */
  async read(account: Account, query = '', headers: Record<string, string> = {}): Promise<Line[]> {
    const response = await this.ask(account, query, headers);
    const text = await response.text();
    expect(response.status, text).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    return linesOf(text);
  }

  /** Reads in the background; resolves once the answer has begun. */
  async follow(account: Account, query = '', headers: Record<string, string> = {}): Promise<Following> {
    const abort = new AbortController();
    const response = await fetch(`${this.service.url}/v1/history_stream?follow=true&${query}`, {
      headers: { Authorization: `Secret ${account}-secret`, ...headers },
      signal: abort.signal,
    });
    expect(response.status).toBe(200);
    const lines: Line[] = [];
    let text = '';
    let read = 0;
    const run = async (): Promise<'ended' | 'cut'> => {
      try {
        for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
          text += chunk;
          const whole = text.lastIndexOf('\n') + 1;
          lines.push(...linesOf(text.slice(read, whole)));
          read = whole;
        }
        return 'ended';
      } catch {
        return 'cut';
      }
    };
    return { lines, text: () => text, closed: run(), leave: () => abort.abort() };
  }

  async create(account: Account, tasks: unknown, block = true): Promise<Status[]> {
    const headers = { Authorization: `Secret ${account}-secret` };
    return statusesOf(await this.service.post('/v1/create', { tasks, block }, { headers }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.close();
    await this.service[Symbol.asyncDispose]();
  }
}

export const ACCOUNTS = [
  {
    name: 'acme',
    secret: 'acme-secret',
    api_keys: [{ key: 'acme-api-key', referrers: ['example.com'] }],
  },
  { name: 'globex', secret: 'globex-secret' },
  { name: 'audit', secret: 'audit-secret', auditor: true },
  { name: 'former', secret: 'former-secret', auditor: true },
];

/** The values of NDJSON, or of Server-Sent Events. */
export const linesOf = (text: string): Line[] =>
  text
    .split('\n')
    .flatMap((line) => (/^ *(data: )?\{/.test(line) ? [JSON.parse(line.replace('data: ', ''))] : []));

export const seqsOf = (lines: readonly Line[]): number[] => lines.map(({ seq }) => seq);
