import { archive } from './scenarios/archive.ts';
import { blockingHello } from './scenarios/blocking-hello.ts';
import { bulk } from './scenarios/bulk.ts';
import { busyFeeds } from './scenarios/busy-feeds.ts';
import { encoders } from './scenarios/encoders.ts';
import { imageInfo } from './scenarios/image-info.ts';
import { millionTasks } from './scenarios/million-tasks.ts';
import { oneCaller } from './scenarios/one-caller.ts';
import { openFeeds } from './scenarios/open-feeds.ts';
import { openLoop } from './scenarios/open-loop.ts';
import { scaling } from './scenarios/scaling.ts';
import { thumbs } from './scenarios/thumbs.ts';
import type { Scenario } from './support/scenario.ts';

/** Every scenario by its name, in the order in which they run. */
export const scenarios: ReadonlyMap<string, Scenario> = new Map(
  [
    blockingHello,
    oneCaller,
    bulk,
    openLoop,
    thumbs,
    imageInfo,
    openFeeds,
    busyFeeds,
    millionTasks,
    archive,
    scaling,
    encoders,
  ].map((scenario) => [scenario.name, scenario]),
);
