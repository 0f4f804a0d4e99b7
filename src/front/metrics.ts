import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { TaskEvent } from '../../actors/event.ts';
import type { TaskState } from '../projection/state.ts';
import type { Swept } from '../retention/output-sweeper.ts';

export interface Figure {
  readonly help: string;
  /** Counts since the start; its name ends in `_total`. */
  readonly isCounter?: true;
  value(): number;
}

export type Gauges = Readonly<Record<string, Figure>>;

const ENDS = { completed: 'success', failed: 'error', canceled: 'canceled' } as const;

/** What the front counts, in Prometheus' terms. Labels come from closed sets only, so their number is bounded. */
export class FrontMetrics {
  readonly #registry = registryOfProcess();
  readonly #registers = [this.#registry];
  readonly #events = new Counter({
    name: 'wyvern_events_total',
    help: 'Events of the log that changed a task, as this front folded them since it started',
    labelNames: ['type'],
    registers: this.#registers,
  });
  readonly #ended = new Counter({
    name: 'wyvern_tasks_ended_total',
    help: 'Tasks that ended, by task name and outcome (success, error, canceled)',
    labelNames: ['task_name', 'outcome'],
    registers: this.#registers,
  });
  readonly #requests = new Counter({
    name: 'wyvern_http_requests_total',
    help: 'Answered requests; status 0 means that the client left first',
    labelNames: ['route', 'status'],
    registers: this.#registers,
  });
  readonly #duration = new Histogram({
    name: 'wyvern_http_request_seconds',
    help: 'Time from a request to the end of its answer, waiting included',
    labelNames: ['route'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: this.#registers,
  });
  readonly #taskDuration = new Histogram({
    name: 'wyvern_task_seconds',
    help: 'Time from queued to the end',
    labelNames: ['task_name'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600],
    registers: this.#registers,
  });
  readonly #replays = new Counter({
    name: 'wyvern_requests_replayed_total',
    help: 'Creates that were answered with the tasks of an earlier request of the same Idempotency-Key',
    registers: this.#registers,
  });
  readonly #lostTurns = new Counter({
    name: 'wyvern_turns_lost_total',
    help: 'Times that another front was faster with a create of the same limited account',
    registers: this.#registers,
  });
  readonly #files = new Counter({
    name: 'wyvern_files_asked_total',
    help: 'GETs of create_file, and whether a task was done before, open already or created for it',
    labelNames: ['task'],
    registers: this.#registers,
  });
  readonly #removed = new Counter({
    name: 'wyvern_outputs_removed_total',
    help: 'Outputs that this front swept away, and why (task_gone, not_in_the_end, unfinished)',
    labelNames: ['reason'],
    registers: this.#registers,
  });
  readonly #removedBytes = new Counter({
    name: 'wyvern_outputs_removed_bytes_total',
    help: 'Bytes of the outputs that this front swept away',
    registers: this.#registers,
  });
  readonly #stored = new Gauge({
    name: 'wyvern_outputs',
    help: 'Outputs that the last whole sweep found',
    registers: this.#registers,
  });

  /** What is read when somebody asks. */
  watch(gauges: Gauges): void {
    for (const [name, { help, isCounter, value }] of Object.entries(gauges)) {
      const options = { name, help, registers: this.#registers };
      if (isCounter)
        new Counter({
          ...options,
          collect: function collect() {
            this.reset();
            this.inc(value());
          },
        });
      else
        new Gauge({
          ...options,
          collect: function collect() {
            this.set(value());
          },
        });
    }
  }

  changed(state: TaskState, type: TaskEvent['type']): void {
    this.#events.inc({ type });
    if (state.completed === undefined) return;
    const outcome = ENDS[type as keyof typeof ENDS];
    this.#ended.inc({ task_name: state.name, outcome });
    const seconds = (Date.parse(state.completed) - Date.parse(state.queued)) / 1_000;
    this.#taskDuration.observe({ task_name: state.name }, seconds);
  }

  answered(route: string, status: number, seconds: number): void {
    this.#requests.inc({ route, status });
    this.#duration.observe({ route }, seconds);
  }

  replayed(): void {
    this.#replays.inc();
  }

  lostTurn(): void {
    this.#lostTurns.inc();
  }

  gotFile(task: 'done' | 'open' | 'created'): void {
    this.#files.inc({ task });
  }

  sweptShard({ removed, bytes }: Swept): void {
    for (const [reason, count] of Object.entries(removed)) this.#removed.inc({ reason }, count);
    this.#removedBytes.inc(bytes);
  }

  sweptAll({ outputs }: Swept): void {
    this.#stored.set(outputs);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

/** With what can be told of any Node.js process. */
function registryOfProcess(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'wyvern_front_' });
  return registry;
}
