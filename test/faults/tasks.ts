import type { Random } from './random.ts';

/** Draws task definitions: most are short, some last longer than a lease, some fail, some are refused. */
export function drawTask(random: Random, originUrl: string): object {
  const kind = random.weighted({
    hello: 45,
    short: 25,
    long: 5,
    thumb: 10,
    flaky: 6,
    missing: 3,
    unwell: 2,
    refused: 4,
  });
  const unique = random.integer(0, 1e9);
  switch (kind) {
    case 'hello':
      return { task_name: 'hello', name: `number ${unique}` };
    case 'short':
      return { task_name: 'sleep', seconds: random.integer(1, 30) / 20, steps: random.integer(0, 4) };
    case 'long':
      return { task_name: 'sleep', seconds: random.integer(40, 120) / 10, steps: random.integer(2, 20) };
    case 'thumb':
      return {
        task_name: 'image.thumb',
        url: `${originUrl}/picture/${unique}`,
        width: random.integer(8, 60),
      };
    case 'flaky':
    case 'missing':
    case 'unwell':
      return { task_name: 'image.info', url: `${originUrl}/${kind}/${unique}` };
    case 'refused':
      return { task_name: 'hello', surname: `number ${unique}` };
  }
}
