import { type Evidence, type History, historiesOf } from './evidence.ts';
import {
  canceledIsCanceled,
  countsEndAtZero,
  everyOutputIsThere,
  noSurprises,
  onlyTheWinnersOutputs,
} from './promises/ends.ts';
import { everyTaskEnds, legalHistories, oneEnd } from './promises/histories.ts';
import { allOrNothing, nothingIsLost, oneAnswerAKey } from './promises/stored.ts';
import { everyEventIsTold, gaplessFeeds, neverBackwards, trueStatuses } from './promises/views.ts';

type Check = (evidence: Evidence, histories: ReadonlyMap<string, History>) => Iterable<string>;

/** What the service promises, and what finds out where it did not hold. The README has the same list. */
export const PROMISES = {
  'nothing that was acknowledged is lost': nothingIsLost,
  'a request is carried out whole or not at all': allOrNothing,
  'an Idempotency-Key has one answer': oneAnswerAKey,
  'a task ends once': oneEnd,
  'every task ends': everyTaskEnds,
  'every history is legal': legalHistories,
  'every status shown is a true one': trueStatuses,
  'no status runs backwards': neverBackwards,
  'no feed has a gap': gaplessFeeds,
  'the history stream tells every event once': everyEventIsTold,
  'only the outputs of the winner are served': onlyTheWinnersOutputs,
  'every output is there': everyOutputIsThere,
  'what was canceled is canceled': canceledIsCanceled,
  'the counts of limits end at zero': countsEndAtZero,
  'no answer comes as a surprise': noSurprises,
} as const satisfies Record<string, Check>;

export type PromiseName = keyof typeof PROMISES;

export interface Violation {
  readonly promise: PromiseName;
  readonly text: string;
}

/** Reads the log and all that the clients saw, and names every place where a promise was broken. */
export function check(evidence: Evidence): Violation[] {
  const histories = historiesOf(evidence);
  return (Object.entries(PROMISES) as [PromiseName, Check][]).flatMap(([promise, find]) =>
    [...find(evidence, histories)].map((text) => ({ promise, text })),
  );
}
