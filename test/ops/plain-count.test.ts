import { describe, expect, it } from 'vitest';
import { FakeProject, natsServerScript } from './fake-project.ts';

const HEAD = `// @ts-nocheck\nimport { expect, it } from 'vitest';\n`;

describe.concurrent('npm test ends', () => {
  const lastLineOf = async (test: string | undefined, ...args: string[]) => {
    await using project = await FakeProject.create();
    await project.addProgram('nats-server', natsServerScript('2.15.1'));
    await project.takeOver(['test/vitest.config.ts', 'test/support/plain-count-reporter.ts']);
    if (test !== undefined) await project.write('test/some.test.ts', HEAD + test);
    const { code, stdout } = await project.run('test', ...args);
    return { code, lastLine: stdout.trimEnd().split('\n').at(-1) };
  };

  it('with a plain line of counts', async () => {
    const tests = `it('a', () => {}); it('b', () => {}); it.skip('c', () => {});`;
    expect(await lastLineOf(tests)).toEqual({ code: 0, lastLine: '2 passed, 0 failed, 1 skipped' });
  });

  it('with 1 when a test failed, an error came from outside of any test, or a file could not be loaded', async () => {
    const tests = `it('a', () => {});
      it('b', () => expect(1).toBe(2));
      it('c', () => { Promise.reject(new Error('nobody caught me')); });`;
    expect(await lastLineOf(tests)).toEqual({ code: 1, lastLine: '2 passed, 2 failed' });
    expect(await lastLineOf(`throw new Error('broken');`)).toEqual({
      code: 1,
      lastLine: '0 passed, 1 failed',
    });
  });

  it('with 1 when no test ran', async () => {
    expect(await lastLineOf(undefined)).toEqual({ code: 1, lastLine: '0 passed, 0 failed' });
    const excluded = await lastLineOf(`it('a', () => {});`, '-t', 'no such name');
    expect(excluded).toEqual({ code: 1, lastLine: '0 passed, 0 failed, 1 skipped' });
  });
});
