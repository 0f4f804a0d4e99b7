import { blockingHello } from './scenarios/blocking-hello.ts';
import type { Scenario } from './support/scenario.ts';

/** Every scenario by its name, in the order in which they run. */
export const scenarios: ReadonlyMap<string, Scenario> = new Map(
  [blockingHello].map((scenario) => [scenario.name, scenario]),
);
