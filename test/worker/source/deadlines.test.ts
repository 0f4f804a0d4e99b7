import { describe, expect, it } from 'vitest';
import { PATIENT, startFetching } from './fetching.ts';
import { type Answer, send, startOrigin } from './origin.ts';

async function failureWhen(answer: Answer, limits: Partial<typeof PATIENT>): Promise<string> {
  await using origin = await startOrigin(answer);
  await using fetching = await startFetching({ limits: { ...PATIENT, ...limits } });
  return (await fetching.failure(`${origin.url}/`)).replace(`File '${origin.url}/' `, '');
}

const drip: Answer = (socket) => {
  send(socket, '200 OK', { 'content-length': '100000' });
  const timer = setInterval(() => socket.write('x'), 5);
  socket.once('close', () => clearInterval(timer));
};

describe('an origin that takes its time', () => {
  it('before it answers', async () => {
    expect(await failureWhen(() => undefined, { headersMs: 40 })).toBe(
      '(passing) did not answer within 0.04 s',
    );
  });

  it('over its headers, one by one', async () => {
    const answer: Answer = (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const timer = setInterval(() => socket.write('a: b\r\n'), 5);
      socket.once('close', () => clearInterval(timer));
    };
    expect(await failureWhen(answer, { headersMs: 60 })).toBe('(passing) did not answer within 0.06 s');
  });

  it('with one hint after another', async () => {
    const answer: Answer = (socket) => {
      const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 5);
      socket.once('close', () => clearInterval(timer));
    };
    expect(await failureWhen(answer, { headersMs: 60 })).toBe('(passing) did not answer within 0.06 s');
  });

  it('in the middle of its body', async () => {
    const answer: Answer = (socket) => send(socket, '200 OK', { 'content-length': '10' }, 'half');
    expect(await failureWhen(answer, { idleMs: 40 })).toBe('(passing) sent nothing for 0.04 s');
  });

  it('at the end of a body without a length', async () => {
    const answer: Answer = (socket) => void socket.write('HTTP/1.1 200 OK\r\n\r\nall there is');
    expect(await failureWhen(answer, { idleMs: 40 })).toBe('(passing) sent nothing for 0.04 s');
  });

  it('byte by byte, never idle', async () => {
    expect(await failureWhen(drip, { totalMs: 120 })).toBe('(passing) could not be fetched within 0.12 s');
  });

  it('but not too much of it', async () => {
    await using origin = await startOrigin((socket) => {
      send(socket, '200 OK', { 'content-length': '20' });
      let left = 20;
      const timer = setInterval(() => {
        socket.write('x');
        left -= 1;
        if (left === 0) clearInterval(timer);
      }, 5);
    });
    await using fetching = await startFetching({ limits: { ...PATIENT, idleMs: 5_000 } });
    expect(await fetching.text(`${origin.url}/`)).toBe('x'.repeat(20));
  });

  it('on every hop of a chain, each within its deadline', async () => {
    const answer: Answer = (socket) => {
      setTimeout(() => send(socket, '302 Found', { location: '/next' }), 40);
    };
    expect(await failureWhen(answer, { totalMs: 100 })).toMatch(/could not be fetched within 0\.1 s$/);
  });
});

describe('a name service that does not answer', () => {
  it('is waited for no longer than for a connection', async () => {
    await using fetching = await startFetching({
      limits: { ...PATIENT, connectMs: 40 },
      resolver: () => new Promise(() => undefined),
    });
    expect(await fetching.failure('http://a.example/')).toBe(
      "(passing) File 'http://a.example/' could not be reached within 0.04 s",
    );
  });
});

describe('the signal', () => {
  const reason = new Error('canceled by the client');

  it('keeps a fetch from being begun', async () => {
    await using origin = await startOrigin(() => undefined);
    await using fetching = await startFetching();
    expect(await fetching.rejection(`${origin.url}/`, AbortSignal.abort(reason))).toBe(reason);
    expect(origin.accepted).toBe(0);
  });

  it('ends it while the name is looked up', async () => {
    const controller = new AbortController();
    const resolver = () => {
      setImmediate(() => controller.abort(reason));
      return new Promise<string[]>(() => undefined);
    };
    await using fetching = await startFetching({ limits: PATIENT, resolver });
    expect(await fetching.rejection('http://a.example/', controller.signal)).toBe(reason);
  });

  it('ends it while the connection is made', async () => {
    const controller = new AbortController();
    await using origin = await startOrigin(() => undefined);
    const resolver = async () => {
      process.nextTick(() => setImmediate(() => controller.abort(reason)));
      return ['127.0.0.1'];
    };
    await using fetching = await startFetching({ limits: PATIENT, resolver });
    expect(await fetching.rejection(`http://a.example:${origin.port}/`, controller.signal)).toBe(reason);
  });

  it('ends it while the answer is waited for', async () => {
    const controller = new AbortController();
    await using origin = await startOrigin(() => controller.abort(reason));
    await using fetching = await startFetching({ limits: PATIENT });
    expect(await fetching.rejection(`${origin.url}/`, controller.signal)).toBe(reason);
  });

  it('ends it in the middle of the body, and nothing is left of it', async () => {
    const controller = new AbortController();
    await using origin = await startOrigin((socket) => {
      send(socket, '200 OK', { 'content-length': '5000000' }, 'x'.repeat(200_000));
      setTimeout(() => controller.abort(reason), 20);
    });
    await using fetching = await startFetching({ limits: PATIENT });
    expect(await fetching.rejection(`${origin.url}/`, controller.signal)).toBe(reason);
  });

  it('has no listeners of ours when a fetch is over', async () => {
    await using origin = await startOrigin((socket) => send(socket, '200 OK', {}, 'x'));
    await using fetching = await startFetching();
    const controller = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = controller.signal;
    controller.signal.addEventListener = (...all: Parameters<typeof addEventListener>) => {
      listeners += 1;
      addEventListener.apply(controller.signal, all);
    };
    controller.signal.removeEventListener = (...all: Parameters<typeof removeEventListener>) => {
      listeners -= 1;
      removeEventListener.apply(controller.signal, all);
    };
    await fetching.fetch(`${origin.url}/`, controller.signal);
    await fetching.rejection('http://10.0.0.1/', controller.signal);
    expect(listeners).toBe(0);
  });
});

describe('closing', () => {
  it('ends what is being fetched, so that another attempt may follow', async () => {
    await using origin = await startOrigin(() => void fetching.fetcher.close());
    await using fetching = await startFetching({ limits: PATIENT });
    expect(await fetching.failure(`${origin.url}/`)).toBe(
      `(passing) File '${origin.url}/' could not be fetched: the worker stopped`,
    );
    expect(await fetching.failure(`${origin.url}/`)).toMatch('the worker stopped');
    expect(origin.accepted).toBe(1);
  });
});
