import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

const PROGRAM = `// @ts-nocheck
console.log(JSON.stringify({ args: process.argv.slice(2), natsServer: process.env.NATS_SERVER ?? null }));
`;

/**
 * npm, as far as set-up is concerned: notes that it was called, and links the packages of the real
 * project.
 */
const NPM = `
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
const { FAKE_CALLS, FAKE_MODULES, FAKE_NPM_WAITS_FOR, FAKE_NPM_SAYS, FAKE_NPM_WARNS } = process.env;
appendFileSync(FAKE_CALLS, 'npm ' + process.pid + '\\n');
if (FAKE_NPM_SAYS) { console.error(FAKE_NPM_SAYS); process.exit(1); }
if (FAKE_NPM_WARNS) console.error(FAKE_NPM_WARNS);
mkdirSync('node_modules');
for (let turn = 0; turn < 1500 && FAKE_NPM_WAITS_FOR && !existsSync(FAKE_NPM_WAITS_FOR); turn++)
  await new Promise((go) => setTimeout(go, 20));
for (const name of readdirSync(FAKE_MODULES))
  if (!name.startsWith('.')) symlinkSync(FAKE_MODULES + '/' + name, 'node_modules/' + name);
`;

/**
 * A project in a temporary folder, with the real set-up and the real compiler but sources of a few lines
 * and an npm that links instead of downloading. Its PATH holds only what a test puts there, and nothing
 * leads outside.
 */
export class FakeProject {
  readonly #children = new Set<ChildProcess>();
  readonly root: string;
  readonly bin: string;
  env: Record<string, string>;

  private constructor(folder: string) {
    this.root = join(folder, 'project');
    this.bin = join(folder, 'bin');
    this.env = {
      PATH: this.bin,
      HOME: folder,
      NATS_RELEASES: 'http://127.0.0.1:1',
      npm_execpath: join(folder, 'npm-cli.mjs'),
      FAKE_CALLS: join(folder, 'calls'),
      FAKE_MODULES: join(projectRoot, 'node_modules'),
    };
  }

  static async create(): Promise<FakeProject> {
    const project = new FakeProject(await mkdtemp(join(tmpdir(), 'wyvern-ops-')));
    const { engines, scripts } = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8'));
    // Few types to read, so that compiling takes no time: most tests do it more than once.
    const types = { lib: ['es5'], types: [], skipLibCheck: true };
    const compilerOptions = { ...types, module: 'nodenext', rootDir: '.', noEmitOnError: true };
    await mkdir(project.bin, { recursive: true });
    await writeFile(project.env.npm_execpath ?? '', NPM);
    await project.write('package.json', JSON.stringify({ name: 'fake', type: 'module', engines, scripts }));
    await project.write('package-lock.json', '{}');
    await project.write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['src'] }));
    await project.write('src/cli/wyvern.ts', PROGRAM);
    for (const part of ['ops/run.mjs', 'ops/setup'])
      await cp(join(projectRoot, part), join(project.root, part), { recursive: true });
    return project;
  }

  /** Replaces parts of this project by copies of the real one's. */
  async takeOver(parts: readonly string[]): Promise<void> {
    for (const part of parts) {
      await rm(join(this.root, part), { recursive: true, force: true });
      await cp(join(projectRoot, part), join(this.root, part), { recursive: true });
    }
  }

  async write(path: string, text: string, mode = 0o644): Promise<void> {
    await mkdir(dirname(join(this.root, path)), { recursive: true });
    await writeFile(join(this.root, path), text, { mode });
  }

  /** Puts a program on PATH that runs this shell script. */
  async addProgram(name: string, script: string): Promise<string> {
    const path = join(this.bin, name);
    await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return path;
  }

  start(...args: string[]): ChildProcess {
    return this.spawn([join('ops', 'run.mjs'), ...args]);
  }

  spawn(args: string[], options: { detached?: boolean } = {}): ChildProcess {
    const child = spawn(process.execPath, args, { cwd: this.root, env: this.env, ...options });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  async run(...args: string[]): Promise<Ended> {
    return await ended(this.start(...args));
  }

  /** The process ids of the npm calls so far, first one first. */
  async npmCalls(): Promise<number[]> {
    const calls = await readFile(this.env.FAKE_CALLS ?? '', 'utf8').catch(() => '');
    return calls
      .split('\n')
      .filter(Boolean)
      .map((line) => Number(line.split(' ')[1]));
  }

  /** What lies about at the top and in the cache, without what is meant to be there. */
  async leftovers(): Promise<string[]> {
    const cache = (await readdir(join(this.root, '.cache'))).filter(
      (name) => !['lock', 'nats-server', 'setup.json'].includes(name),
    );
    const locks = await readdir(join(this.root, '.cache', 'lock'));
    const top = (await readdir(this.root)).filter((name) => name.startsWith('.dist'));
    return [...cache, ...locks, ...top];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await rm(dirname(this.root), { recursive: true, force: true, maxRetries: 5 });
  }
}

export async function ended(child: ChildProcess): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, stdout, stderr };
}

/** Waits until something is so; the test's own time-out is the limit. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** A script that answers as this version of nats-server does. */
export const natsServerScript = (version: string): string => `echo "nats-server: v${version}"`;
