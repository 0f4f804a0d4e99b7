import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Service } from '../support/service.ts';
import {
  CHOICES,
  create,
  createOne,
  DATE,
  type DetailedStatus,
  errorsOf,
  gauge,
  hello,
  historyOf,
  jsonOf,
  KEY,
  problem,
  type Status,
  sleep,
  statusesOf,
} from './support.ts';

let service: Service;
beforeAll(async () => {
  service = await Service.start();
});
afterAll(() => service[Symbol.asyncDispose]());

const refused = async (body: unknown) => errorsOf(await service.post('/v1/create', body));

describe('POST /v1/create', () => {
  test('queues a list of tasks and answers a list of their statuses', async () => {
    const statuses = await create(service, [hello('John'), hello('Jane')]);
    expect(statuses).toHaveLength(2);
    for (const { key, events } of statuses) {
      expect(key).toMatch(KEY);
      expect(events.queued).toMatch(DATE);
    }
    expect(new Set(statuses.map(({ key }) => key)).size).toBe(2);
  });

  test('takes a single definition, and still answers a list', async () => {
    const [status, ...more] = await create(service, hello(), true);
    expect(status).toMatchObject({ status: 'success', result: 'Hello John' });
    expect(more).toEqual([]);
  });

  test('answers in the order of tasks, whichever ends first', async () => {
    const tasks = [sleep(0.3), ...Array.from({ length: 30 }, (_, index) => hello(`n${index}`)), sleep(0.1)];
    const results = (await create(service, tasks, true)).map(({ result }) => result);
    const greetings = Array.from({ length: 30 }, (_, index) => `Hello n${index}`);
    expect(results).toEqual([{ slept: 0.3 }, ...greetings, { slept: 0.1 }]);
  });

  test('answers at once without block', async () => {
    const { status, result } = await createOne(service, sleep(3_600));
    expect(['queued', 'executing']).toContain(status);
    expect(result).toBeUndefined();
  });

  test('says hello to a name that looks like a URL with a password as it is', async () => {
    const status = await createOne(service, hello('//x:y@z'), true);
    expect(status.result).toBe('Hello //x:y@z');
  });

  test('waits with block for all tasks to complete and answers their final statuses', async () => {
    const statuses = await create(service, [hello(), sleep(0.2), { task_name: 'hello' }], true);
    expect(statuses.map(({ status }) => status)).toEqual(['success', 'success', 'error']);
    for (const { events } of statuses) expect(events.completed).toMatch(DATE);
  });

  test('takes false and null for no block', async () => {
    for (const block of [false, null]) {
      const [status] = await statusesOf(await service.post('/v1/create', { tasks: sleep(3_600), block }));
      expect(status?.result).toBeUndefined();
    }
  });

  test('takes block and details from the query too, unless they stand in the body', async () => {
    const ask = (query: string, body: object = {}) =>
      service.post(`/v1/create?${query}`, { tasks: hello('q'), ...body });
    const [detailed] = await jsonOf<DetailedStatus[]>(await ask('block=1&details=true'));
    expect(detailed).toMatchObject({ status: 'success', attempts: 1, task: { name: 'q' } });
    const [plain] = await jsonOf<DetailedStatus[]>(await ask('block=1&details=true', { details: false }));
    expect(plain).toMatchObject({ status: 'success' });
    expect(plain).not.toHaveProperty('attempts');
    expect(await errorsOf(await ask('details=x'))).toEqual([
      problem('details', 'details must be true, false, 1 or 0', 'query'),
    ]);
    for (const path of ['/v1/status', '/v1/cancel'])
      expect(
        await jsonOf(await service.post(`${path}?details=1`, { tasks: [detailed?.key] })),
        path,
      ).toMatchObject([{ attempts: 1 }]);
  });

  test('adds the definition, the attempts and the metas with details', async () => {
    const task = { ...hello('d'), task_metas: { page: 3 } };
    const answer = await service.post('/v1/create', {
      tasks: [task, hello('e')],
      block: true,
      details: true,
    });
    expect(await answer.json()).toMatchObject([
      { status: 'success', task: hello('d'), attempts: 1, task_metas: { page: 3 } },
      { status: 'success', task: hello('e'), attempts: 1, task_metas: {} },
    ]);
    const atOnce = await service.post('/v1/create', { tasks: hello('f'), details: true });
    expect(await atOnce.json()).toMatchObject([{ task: hello('f'), attempts: expect.any(Number) }]);
    expect(await errorsOf(await service.post('/v1/create', { tasks: hello(), details: 'x' }))).toEqual([
      problem('details', 'details must be true or false'),
    ]);
  });

  test('takes a thousand tasks in one request, all or none', async () => {
    const tasks = Array.from({ length: 1_000 }, (_, index) => hello(`t${index}`));
    const statuses = await create(service, tasks, true);
    expect(statuses.map(({ result }) => result)).toEqual(tasks.map(({ name }) => `Hello ${name}`));
  });

  test('keys carry random bits and are never monotonic', async () => {
    const keys = (
      await create(
        service,
        Array.from({ length: 100 }, () => hello()),
      )
    ).map(({ key }) => key);
    expect(new Set(keys.map((key) => key.slice(10))).size).toBe(100);
    expect(keys).not.toEqual([...keys].sort());
  });
});

describe('What is wrong with a create', () => {
  test('a forgotten tasks parameter reads as the specification words it', async () => {
    const response = await service.post('/v1/create', {});
    expect(await jsonOf(response, 400)).toEqual({
      status: 'error',
      errors: [{ name: 'tasks', location: 'body', description: 'tasks is missing' }],
    });
  });

  test.each([
    [null, 'tasks is missing'],
    [[], 'tasks is empty'],
    ['hello', 'tasks must be a task definition or a list of them'],
    [7, 'tasks must be a task definition or a list of them'],
    [true, 'tasks must be a task definition or a list of them'],
  ])('tasks that are %j are refused', async (tasks, description) => {
    expect(await refused({ tasks })).toEqual([problem('tasks', description)]);
  });

  test('an unknown task name is refused, and the choices are listed', async () => {
    const description = `'image.resize' is not a known task, choose one of: ${CHOICES}`;
    expect(await refused({ tasks: { task_name: 'image.resize' } })).toEqual([
      problem('tasks.task_name', description),
    ]);
  });

  test.each(['constructor', '__proto__', 'toString', 'hello.>', '*', 'HELLO', ' hello', ''])(
    'the name %j is no task',
    async (task_name) => {
      const [error] = await refused({ tasks: [hello(), { task_name, name: 'x' }] });
      expect(error).toEqual(
        problem('tasks[1].task_name', `'${task_name}' is not a known task, choose one of: ${CHOICES}`),
      );
    },
  );

  test('all errors of a request are reported at once, each at the path of its value', async () => {
    const tasks = [
      { name: 'nobody' },
      hello(),
      { task_name: 7 },
      'hello',
      null,
      [hello()],
      { task_name: 'nothing' },
      { ...hello(), task_metas: 'text' },
      { ...hello(), task_priority: 1 },
    ];
    expect(await refused({ tasks, block: 'yes' })).toEqual([
      problem('tasks[0].task_name', 'tasks[0].task_name is missing'),
      problem('tasks[2].task_name', 'tasks[2].task_name must be a string'),
      problem('tasks[3]', 'tasks[3] must be a task definition, an object'),
      problem('tasks[4]', 'tasks[4] must be a task definition, an object'),
      problem('tasks[5]', 'tasks[5] must be a task definition, an object'),
      problem('tasks[6].task_name', `'nothing' is not a known task, choose one of: ${CHOICES}`),
      problem('tasks[7].task_metas', 'tasks[7].task_metas must be an object'),
      problem(
        'tasks[8].task_priority',
        "'task_priority' is not supported, names that begin with task_ belong to the service",
      ),
      problem('block', 'block must be true or false'),
    ]);
  });

  test.each(['true', 1, 0, 'false', [], {}])('block: %j is no JSON boolean', async (block) => {
    expect(await refused({ tasks: hello(), block })).toEqual([
      problem('block', 'block must be true or false'),
    ]);
  });

  test('more than MAX_TASKS tasks are refused', async () => {
    expect(await refused({ tasks: Array.from({ length: 1_001 }, () => hello()) })).toEqual([
      problem('tasks', 'tasks has 1001 tasks, the limit is 1000'),
    ]);
  });

  test('a definition that is written with more than 256 kB is refused, though it was sent with fewer', async () => {
    const numbers = `{"task_name":"hello","name":[${Array(24_000).fill('1e20').join()}]}`;
    for (const tasks of [numbers, `[{"task_name":"hello","name":"John"},${numbers}]`]) {
      const response = await service.fetch('/v1/create', { method: 'POST', body: `{"tasks":${tasks}}` });
      const name = tasks === numbers ? 'tasks' : 'tasks[1]';
      expect(await errorsOf(response)).toEqual([problem(name, `${name} is larger than 256 kB`)]);
    }
  });

  test('a definition of more than 256 kB is refused, in bytes of UTF-8', async () => {
    const name = (bytes: number) => 'é'.repeat(bytes / 2);
    const [status] = await create(service, [hello(name(255 * 1024))]);
    expect(status?.status).toBe('error');
    expect(await refused({ tasks: [hello(), hello(name(256 * 1024))] })).toEqual([
      problem('tasks[1]', 'tasks[1] is larger than 256 kB'),
    ]);
  });

  test('a refused request creates nothing, not even its good tasks', async () => {
    const created = () => gauge(service, 'wyvern_events_total{type="queued"}');
    await create(service, hello(), true);
    const before = await created();
    await refused({ tasks: [hello(), { task_name: 'nothing' }] });
    await create(service, hello(), true);
    expect(await created()).toBe(before + 1);
  });
});

describe('Parameters that do not fit the task', () => {
  test('end that task at once in error, and its neighbours run', async () => {
    const statuses = await create(service, [hello(), { task_name: 'image.info' }, hello('Jane')], true);
    expect(statuses.map(({ result }) => result)).toEqual([
      'Hello John',
      { parameters: { url: ['this field is required'] } },
      'Hello Jane',
    ]);
    expect(statuses.map(({ status }) => status)).toEqual(['success', 'error', 'success']);
  });

  test('have ended when the create is answered, without block too', async () => {
    const status = await createOne(service, { task_name: 'hello' });
    expect(Object.keys(status)).toEqual(['status', 'key', 'events', 'result']);
    expect(Object.keys(status.events)).toEqual(['queued', 'completed']);
    expect(status.result).toEqual({ parameters: { name: ['this field is required'] } });
  });

  test('are all named, unknown ones too', async () => {
    const { result } = await createOne(service, {
      task_name: 'image.thumb',
      widht: 3,
      width: 'wide',
      crop: 1,
    });
    const { parameters } = result as { parameters: Record<string, string[]> };
    expect(Object.keys(parameters).sort()).toEqual(['crop', 'url', 'widht', 'width']);
    expect(parameters.widht).toEqual(['unknown parameter']);
    expect(parameters.url).toEqual(['this field is required']);
  });

  test('are all named, however many they are', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`p${index}`, index]));
    const { result } = await createOne(service, { task_name: 'hello', ...unknown });
    const { parameters } = result as { parameters: object };
    expect(Object.keys(parameters).sort()).toEqual(['name', ...Object.keys(unknown)].sort());
  });

  test('are not converted: text is no number in JSON', async () => {
    const { result } = await createOne(service, { task_name: 'sleep', seconds: '1' });
    expect(Object.keys((result as { parameters: object }).parameters)).toEqual(['seconds']);
  });

  test('with the names of prototypes are parameters like any other', async () => {
    const body = '{"tasks":{"task_name":"hello","name":"x","__proto__":{"admin":true},"constructor":1}}';
    const response = await service.fetch('/v1/create', { method: 'POST', body });
    const [{ result }] = await jsonOf<[{ result: { parameters: object } }]>(response);
    expect(Object.getOwnPropertyNames(result.parameters).sort()).toEqual(['__proto__', 'constructor']);
  });

  test('are logged: the history of such a task is queued and failed', async () => {
    const { key } = await createOne(service, { task_name: 'hello', nmae: 'John' });
    const history = await historyOf(service, key);
    expect(history.map(({ type }) => type)).toEqual(['queued', 'failed']);
    expect(history[0]?.data).toMatchObject({ task: { task_name: 'hello', nmae: 'John' } });
  });

  test('in a thousand tasks of one request end all of them', async () => {
    const tasks = Array.from({ length: 1_000 }, () => ({ task_name: 'hello' }));
    const statuses = await create(service, tasks);
    expect(new Set(statuses.map(({ status }) => status))).toEqual(new Set(['error']));
  });
});

describe('task_metas', () => {
  const detailsOf = async ({ key }: Status): Promise<DetailedStatus> =>
    ((await jsonOf(await service.fetch(`/v1/status?tasks=${key}&details=true`))) as [DetailedStatus])[0];

  test('are kept with the task and given back in details and history', async () => {
    const task_metas = { order: 7, tags: ['a', 'b'], deep: { ключ: null } };
    const status = await createOne(service, { ...hello(), task_metas }, true);
    expect(status.result).toBe('Hello John');
    expect((await detailsOf(status)).task_metas).toEqual(task_metas);
    expect((await historyOf(service, status.key))[0]?.data.task_metas).toEqual(task_metas);
  });

  test('may have large numbers that come back as they were sent', async () => {
    const metas = { f: 1e20, g: -1.5e300, safe: Number.MAX_SAFE_INTEGER, small: 1e-300 };
    const { key } = await createOne(service, { ...hello(), task_metas: metas });
    const [status] = await jsonOf<[DetailedStatus]>(
      await service.fetch(`/v1/status?tasks=${key}&details=true`),
    );
    expect(status.task_metas).toEqual(metas);
  });

  test('with a number that would come back as another one are refused, and said to be', async () => {
    for (const metas of ['{"order":12345678901234567890}', '{"a":[{"b":-9007199254740993}]}', '{"a":1e999}'])
      expect(
        await errorsOf(
          await service.fetch('/v1/create', {
            method: 'POST',
            body: `{"tasks":{"task_name":"hello","name":"x","task_metas":${metas}}}`,
          }),
        ),
      ).toEqual([
        problem(
          'tasks.task_metas',
          'tasks.task_metas has a number beyond 9007199254740991, which would come back as another one: send it as a text',
        ),
      ]);
  });

  test('may be 4 kB of JSON and no byte more', async () => {
    const metas = (bytes: number) => ({ pad: 'x'.repeat(bytes - '{"pad":""}'.length) });
    await createOne(service, { ...hello(), task_metas: metas(4_096) });
    expect(await refused({ tasks: { ...hello(), task_metas: metas(4_097) } })).toEqual([
      problem('tasks.task_metas', 'tasks.task_metas is larger than 4 kB'),
    ]);
  });

  test.each([[[]], [null], ['text'], [1], [true]])('that are %j are refused', async (task_metas) => {
    expect(await refused({ tasks: { ...hello(), task_metas } })).toEqual([
      problem('tasks.task_metas', 'tasks.task_metas must be an object'),
    ]);
  });
});
