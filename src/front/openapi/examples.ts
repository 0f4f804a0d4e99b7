import { type Examples, only } from './parts.ts';

/** Keys of the moment at which the examples take place. */
export const KEY = '017Q899NAQN9TCQ3EH18VHCD7T';
export const OTHER_KEY = '017Q899NAQ15VK5NY0QEKP4QT7';

export const at = (micros: string): string => `2013-04-03T15:47:27.${micros}+00:00`;
const queued = (key: string, micros: string) => ({ status: 'queued', key, events: { queued: at(micros) } });
const executing = (key: string, begin: string, start: string) => ({
  status: 'executing',
  key,
  events: { queued: at(begin), started: at(start) },
});
const success = (key: string, [begin, start, end]: readonly [string, string, string], result: unknown) => ({
  status: 'success',
  key,
  events: { queued: at(begin), started: at(start), completed: at(end) },
  result,
});

export const JOHN = ['703674', '707526', '726229'] as const;
const JANE = ['703717', '710286', '729026'] as const;
const john = success(KEY, JOHN, 'Hello John');
const jane = success(OTHER_KEY, JANE, 'Hello Jane');
export const hello = (name: string) => ({ task_name: 'hello', name });

/** The picture that comes with every Wyvern: 1024 × 768 pixels. */
export const samplePicture = (publicUrl: string): string => `${publicUrl}/files/sample/raccoon.jpg`;

const thumb = (publicUrl: string) => ({
  task_name: 'image.thumb',
  url: samplePicture(publicUrl),
  width: 300,
});

export const createBodies = (publicUrl: string): Examples => ({
  wait: {
    summary: 'One task; the answer waits for its end',
    value: { tasks: thumb(publicUrl), block: true },
  },
  several: {
    summary: 'Two tasks; the answer comes when they are stored',
    value: { tasks: [{ task_name: 'image.info', url: samplePicture(publicUrl) }, thumb(publicUrl)] },
  },
  credentials: {
    summary: 'The secret in the body',
    value: { secret: '123456', tasks: { ...hello('John'), task_metas: { page: 'front' } } },
  },
});

export const createAnswers = (publicUrl: string): Examples => ({
  ended: {
    summary: 'With `block`: the thumbnail is there',
    value: [
      success(KEY, JOHN, {
        width: 300,
        height: 225,
        original_width: 1024,
        original_height: 768,
        content_type: 'image/jpeg',
        output: `${publicUrl}/files/${KEY}/output.jpg`,
      }),
    ],
  },
  queued: { summary: 'Without', value: [queued(KEY, JOHN[0]), queued(OTHER_KEY, JANE[0])] },
});

export const createStreamBody: Examples = only('Two greetings', { tasks: [hello('John'), hello('Jane')] });

export const lines = (...values: readonly unknown[]): readonly string[] =>
  values.map((value) => JSON.stringify(value));
const FEED = lines(
  [queued(KEY, JOHN[0]), queued(OTHER_KEY, JANE[0])],
  executing(KEY, JOHN[0], JOHN[1]),
  executing(OTHER_KEY, JANE[0], JANE[1]),
  john,
  jane,
);
export const ndjsonFeed: Examples = only('Two greetings, from queued to the end', `${FEED.join('\n')}\n`);
export const sseFeed: Examples = only('The same', FEED.map((line) => `data: ${line}\n\n`).join(''));

export const createFileBody = (publicUrl: string): Examples =>
  only('A thumbnail', { task: thumb(publicUrl) });

export const statusBody: Examples = only('Two tasks', { tasks: [KEY, OTHER_KEY], block: true });
export const statusAnswers: Examples = {
  plain: { summary: 'One task has ended', value: [john, executing(OTHER_KEY, JANE[0], JANE[1])] },
  details: {
    summary: 'With `details`',
    value: [{ ...john, task: hello('John'), attempts: 1, task_metas: { page: 'front' } }],
  },
};

export const cancelAnswer: Examples = only('One was executing, one had ended', [
  {
    status: 'error',
    key: KEY,
    events: { queued: at(JOHN[0]), started: at(JOHN[1]), completed: at(JOHN[2]) },
    result: 'canceled',
  },
  jane,
]);

export const failedTask = (publicUrl: string) => ({
  status: 'error',
  key: KEY,
  events: { queued: at('703717'), started: at('707526'), completed: at('729026') },
  result: `File '${publicUrl}/cat.jpeg' is not a valid image file`,
});

/** What a client that made a mistake reads; the description is the front's own text. */
export const problem = (
  name: string,
  location: string,
  description: string,
  ...more: readonly unknown[]
) => ({
  status: 'error',
  errors: [{ name, location, description }, ...more],
});
