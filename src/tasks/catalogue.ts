import type { TaskDefinition } from './definition.ts';
import { hello } from './hello.ts';
import { imageGif } from './image-gif.ts';
import { imageInfo } from './image-info.ts';
import { imageSizes } from './image-sizes.ts';
import { imageStrip } from './image-strip.ts';
import { imageThumb } from './image-thumb.ts';
import { sleep } from './sleep.ts';

const definitions = [hello, sleep, imageInfo, imageThumb, imageSizes, imageGif, imageStrip];

/** Every task by its name. A Map, because names come from outside and `constructor` must be no task. */
export const catalogue: ReadonlyMap<string, TaskDefinition> = new Map(
  definitions.map((definition) => [definition.name, definition]),
);
