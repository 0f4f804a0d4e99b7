import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { Service } from '../support/service.ts';
import { projectRoot } from './fake-project.ts';

const read = (path: string): string => readFileSync(`${projectRoot}${path}`, 'utf8');

interface Metric {
  readonly kind: string;
  readonly labels: ReadonlySet<string>;
}

/** What a text in Prometheus' format tells of, by the names that queries use. */
function metricsIn(text: string): Map<string, Metric> {
  const labels = new Map<string, Set<string>>();
  for (const [, name = '', list = ''] of text.matchAll(/^(\w+)(?:\{(.*)\})? /gm)) {
    const known = labels.get(name) ?? new Set(['job', 'instance']);
    for (const [, label = ''] of list.matchAll(/(\w+)="/g)) known.add(label);
    labels.set(name, known);
  }
  const metrics = new Map<string, Metric>();
  for (const [, name = '', kind = ''] of text.matchAll(/^# TYPE (\w+) (\w+)$/gm))
    for (const used of kind === 'histogram' ? ['_bucket', '_count', '_sum'].map((end) => name + end) : [name])
      metrics.set(used, { kind, labels: labels.get(used) ?? new Set() });
  return metrics;
}

const METRIC = /wyvern_\w+/g;
const namesIn = (text: string): string[] => [...new Set(text.match(METRIC))];

/** All that is wrong with an expression, given what there is to ask for. */
function faultsOf(expression: string, metrics: ReadonlyMap<string, Metric>): string[] {
  const faults: string[] = [];
  const used = namesIn(expression);
  for (const name of used) if (!metrics.has(name)) faults.push(`there is no ${name}`);
  for (const [, by = ''] of expression.matchAll(/ by \(([^)]*)\)/g))
    for (const label of by.split(/,\s*/))
      if (!used.some((name) => metrics.get(name)?.labels.has(label))) faults.push(`nothing has a ${label}`);
  for (const [, name = '', matchers = ''] of expression.matchAll(/(wyvern_\w+)\{([^}]*)\}/g))
    for (const [, label = ''] of matchers.matchAll(/(\w+)=/g))
      if (!metrics.get(name)?.labels.has(label)) faults.push(`${name} has no ${label}`);
  for (const [, name = ''] of expression.matchAll(/(?:rate|increase)\((\w+)/g))
    if (metrics.get(name)?.kind === 'gauge') faults.push(`${name} is a gauge, and no counter`);
  if (/(?:rate|increase)\(.*\) *== *0/.test(expression))
    faults.push('what has never been counted is not 0, but not there: use unless … > 0');
  return faults;
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

const { panels }: Dashboard = JSON.parse(read('ops/dashboards/wyvern.json'));
const shown = panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const));
const rules = read('ops/dashboards/alerts.yaml')
  .split(/^\s+- alert: /m)
  .slice(1);
const alerts = rules.map(
  (rule) => [/^\w+/.exec(rule)?.[0], /^\s+expr: (.+)$/m.exec(rule)?.[1] ?? ''] as const,
);

describe('What is shown and what alarms', () => {
  let metrics: ReadonlyMap<string, Metric>;

  beforeAll(async () => {
    // Everything that a front can tell of.
    await using service = await Service.start({ ARCHIVE_DAYS: '30' });
    await service.post('/v1/create', { tasks: { task_name: 'hello', name: 'John' }, block: true });
    const thumb = `task_name=image.thumb&width=8&url=${service.url}/files/sample/raccoon.jpg`;
    await service.fetch(`/v1/create_file/thumb.jpg?${thumb}`);
    metrics = metricsIn(await (await service.fetch('/metrics')).text());
  });

  it.each(shown)('%s: %s', (_, expression) => {
    expect(faultsOf(expression, metrics)).toEqual([]);
  });

  it.each(alerts)('%s: %s', (_, expression) => {
    expect(namesIn(expression).length + Number(expression.startsWith('up{'))).toBeGreaterThan(0);
    expect(faultsOf(expression, metrics)).toEqual([]);
  });

  it.each(['README.md', 'ops/dashboards/alerts.yaml'])('is there, wherever %s names it', (path) => {
    expect(namesIn(read(path)).filter((name) => !metrics.has(name))).toEqual([]);
  });

  it.each([
    ['rate(wyvern_event_total[5m])', 'there is no wyvern_event_total'],
    ['sum by (kind) (wyvern_events_total)', 'nothing has a kind'],
    ['wyvern_workers{job="wyvern",name="one"}', 'wyvern_workers has no name'],
    ['increase(wyvern_open_tasks[5m])', 'wyvern_open_tasks is a gauge, and no counter'],
    [
      'sum by (job) (increase(wyvern_tasks_ended_total[5m])) == 0',
      'what has never been counted is not 0, but not there: use unless … > 0',
    ],
  ])('would be missed: %s', (expression, fault) => {
    expect(faultsOf(expression, metrics)).toEqual([fault]);
  });
});
