import { setTimeout as delay } from 'node:timers/promises';
import { catalogue } from '../../tasks/catalogue.ts';
import { publishedParameters, publishedResult } from '../../tasks/published.ts';
import type { Exchange } from '../exchange.ts';
import type { FrontParts } from '../front-parts.ts';
import { askAgainIn, errorBody } from '../request-error.ts';
import { within } from '../within.ts';

/** `GET /v1/tasks`: the catalogue. */
export function tasks(_parts: FrontParts, exchange: Exchange): void {
  const list = [...catalogue.values()].map((definition) => ({
    name: definition.name,
    description: definition.description,
    parameters: publishedParameters(definition),
    result: publishedResult(definition),
    files: definition.files({}),
  }));
  exchange.json(200, JSON.stringify(list));
}

/** `GET /healthz`: this process answers. */
export function healthz(_parts: FrontParts, exchange: Exchange): void {
  exchange.json(200, '{"status":"ok"}');
}

/** How long readiness waits for the log to answer, and then for the projection to come to its head. */
const READY_WITHIN_MS = 2_000;

/** `GET /readyz`: the log answers, the front has folded it and a worker is known; else 503 with what is missing. */
export async function readyz(parts: FrontParts, exchange: Exchange): Promise<void> {
  const problems: string[] = [];
  if (!parts.log.connected) problems.push('the log cannot be reached');
  else problems.push(...(await problemsOfLog(parts)));
  if (parts.workers.present().length === 0) problems.push('no worker is known');
  if (problems.length === 0) return exchange.json(200, '{"status":"ok"}');
  const body = errorBody(problems.map((description) => ({ name: 'service', location: 'path', description })));
  exchange.json(503, body, askAgainIn(1));
}

async function problemsOfLog({ log, projection }: FrontParts): Promise<string[]> {
  try {
    const head = await within(READY_WITHIN_MS, log.ping());
    for (let waited = 0; projection.seq < head && waited < READY_WITHIN_MS; waited += 50) await delay(50);
    return projection.seq < head ? ['the front is behind the log'] : [];
  } catch {
    return ['the log does not answer'];
  }
}

/** `GET /metrics`: Prometheus' text format. */
export async function metrics(parts: FrontParts, exchange: Exchange): Promise<void> {
  exchange.send(200, await parts.metrics.text(), { 'Content-Type': parts.metrics.contentType });
}
