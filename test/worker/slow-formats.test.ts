import { expect, test } from 'vitest';
import { create, endOf, untilAllEnded } from '../support/histories.ts';
import { Service } from '../support/service.ts';

test('A hundred JPEG thumbs that come after ten AVIFs have ended before the last of these', {
  timeout: 90_000,
}, async () => {
  await using service = await Service.start();
  // Each of a size of its own: the same work would be done once.
  const thumbs = (count: number, parameters: object, width: number) =>
    Array.from({ length: count }, (_, index) => ({
      task_name: 'image.thumb',
      url: `${service.url}/files/sample/raccoon.jpg`,
      width: width + index,
      ...parameters,
    }));
  const slow = await create(service, thumbs(10, { format: 'avif' }, 1_400));
  const quick = await create(service, thumbs(100, {}, 20));

  const histories = await untilAllEnded(service, [...slow, ...quick], 80_000);

  expect(new Set(histories.map(endOf))).toEqual(new Set(['completed']));
  const ends = histories.map((history) => history.at(-1)?.seq as number);
  expect(Math.max(...ends.slice(10))).toBeLessThan(Math.max(...ends.slice(0, 10)));
});
