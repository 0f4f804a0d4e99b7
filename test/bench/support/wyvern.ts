import { descendants } from '../../support/program.ts';
import { Service } from '../../support/service.ts';
import { cpuMsOf, endedChildrenCpuMsOf, peakBytesOf } from './usage.ts';

export type Part = 'front' | 'worker' | 'media' | 'nats-server';
export const PARTS: readonly Part[] = ['front', 'worker', 'media', 'nats-server'];

/** The header lines of a request. */
export const headOf = (secret: string): string => `Authorization: Secret ${secret}\r\n`;

/** The service as `npm start` runs it, with the header lines that its requests need. */
export class Wyvern {
  readonly service: Service;
  readonly head: string;

  private constructor(service: Service) {
    this.service = service;
    this.head = headOf(service.secret);
  }

  static async start(env: Readonly<Record<string, string>> = {}): Promise<Wyvern> {
    return new Wyvern(await Service.start({ LOG_LEVEL: 'warn', ...env }));
  }

  get url(): string {
    return this.service.url;
  }

  /** The processes of a part; a worker's children that decode are `media`. */
  pids(part: Part): number[] {
    if (part !== 'media') return this.service.processes(part).map(({ pid }) => pid);
    return this.service.processes('worker').flatMap(({ pid }) => descendants(pid).map((child) => child.pid));
  }

  /** Milliseconds of CPU that each part uses during `work`. */
  async cpuDuring<T>(work: () => Promise<T>): Promise<{ value: T; cpuMs: Readonly<Record<Part, number>> }> {
    const before = PARTS.map((part) => this.#cpuMs(part));
    const value = await work();
    const cpuMs = PARTS.map((part, at) => [part, this.#cpuMs(part) - (before[at] ?? 0)]);
    return { value, cpuMs: Object.fromEntries(cpuMs) };
  }

  /** Of the children that decode, those that were replaced count too. */
  #cpuMs(part: Part): number {
    const ended = part === 'media' ? endedChildrenCpuMsOf(this.pids('worker')) : 0;
    return cpuMsOf(this.pids(part)) + ended;
  }

  /** Bytes: the most that the parts have had resident so far, added up; what they share of files counts once. */
  peakBytes(): number {
    return peakBytesOf(PARTS.flatMap((part) => this.pids(part)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service[Symbol.asyncDispose]();
  }
}

/** A CPU column for each part, in µs a task. */
export const cpuColumns = (cpuMs: Readonly<Record<Part, number>>, tasks: number): Record<string, number> =>
  Object.fromEntries(PARTS.map((part) => [`${part} µs`, Math.round((cpuMs[part] * 1_000) / tasks)]));

export const cpuSum = (cpuMs: Readonly<Record<Part, number>>, tasks: number): number =>
  (PARTS.reduce((sum, part) => sum + cpuMs[part], 0) * 1_000) / tasks;
