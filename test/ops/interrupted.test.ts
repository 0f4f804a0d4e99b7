import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { ended, FakeProject, natsServerScript, until } from './fake-project.ts';

const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('a set-up', () => {
  let project: FakeProject;
  let letNpmEnd: () => Promise<void>;

  beforeEach(async () => {
    project = await FakeProject.create();
    await project.addProgram('nats-server', natsServerScript('2.15.1'));
    const go = join(project.root, '..', 'go');
    letNpmEnd = async () => await writeFile(go, '');
    project.env.FAKE_NPM_WAITS_FOR = go;
    return async () => await project[Symbol.asyncDispose]();
  });

  const killedWhileInstalling = async () => {
    const child = project.start('up');
    const outcome = ended(child);
    await until(async () => (await project.npmCalls()).length > 0);
    child.kill('SIGKILL');
    return await outcome;
  };

  it('that was killed while npm was at work is made good by the next, which ends that npm first', async () => {
    expect(await killedWhileInstalling()).toMatchObject({ signal: 'SIGKILL' });
    const [orphan = 0] = await project.npmCalls();
    expect(isRunning(orphan)).toBe(true);
    const next = ended(project.start('up'));
    await until(async () => (await project.npmCalls()).length === 2);
    await until(() => !isRunning(orphan));
    await letNpmEnd();
    expect(await next).toMatchObject({ code: 0 });
    expect(await project.run('up')).toMatchObject({ code: 0, stderr: '' });
  });

  it('that was killed at any moment is made good by the next', async () => {
    await letNpmEnd();
    for (const afterMs of [60, 120, 180, 260, 360]) {
      // Each time there is something to install and to compile.
      await project.write('package-lock.json', JSON.stringify({ afterMs }));
      await project.write('src/cli/wyvern.ts', `// @ts-nocheck\nconsole.log(${afterMs});`);
      const child = project.start('build');
      const killed = ended(child);
      await sleep(afterMs);
      child.kill('SIGKILL');
      await killed;
      expect(await project.run('up')).toMatchObject({ code: 0, stdout: `${afterMs}\n` });
    }
    expect(await project.run('up')).toMatchObject({ code: 0, stderr: '' });
    // One that died before it had noted its npm or its compiler left it at work, behind the next one's back.
    await project.write('package-lock.json', '{}');
    expect(await project.run('up')).toMatchObject({ code: 0 });
    expect(await project.leftovers()).toEqual([]);
  });

  it('that is told to stop ends npm with it', async () => {
    const child = project.start('up');
    const outcome = ended(child);
    await until(async () => (await project.npmCalls()).length > 0);
    child.kill('SIGTERM');
    expect(await outcome).toMatchObject({ code: 143, stdout: '' });
    const [npm = 0] = await project.npmCalls();
    await until(() => !isRunning(npm));
  });

  it('waits for another one, and finds the work done', async () => {
    const starts = [1, 2, 3].map(() => ended(project.start('up')));
    await until(async () => (await project.npmCalls()).length > 0);
    await sleep(1_500);
    await letNpmEnd();
    const outcomes = await Promise.all(starts);
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(outcomes.map(({ stderr }) => /waiting for another set-up/.test(stderr)).sort()).toEqual([
      false,
      true,
      true,
    ]);
    expect(await project.npmCalls()).toHaveLength(1);
    expect(await project.leftovers()).toEqual([]);
  });

  it('does not wait for one whose process id now belongs to another process', async () => {
    await letNpmEnd();
    const notStartedThen = `7.${process.pid}.1.0123abcd`;
    await project.write(`.cache/lock/${notStartedThen}`, '');
    expect(await project.run('up')).toMatchObject({ code: 0 });
    expect(await project.leftovers()).toEqual([]);
  });
});
