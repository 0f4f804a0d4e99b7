import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Imports {
  /** Loaded with the file, types included: paths from the root, or the names of packages. */
  readonly always: readonly string[];
  /** Loaded when the code that names them runs. */
  readonly late: readonly string[];
}

/** What a file imports. `path` is where it stands, from the root. */
function importsOf(path: string, text: string): Imports {
  const found = (pattern: RegExp) =>
    [...text.matchAll(pattern)].map(([, name = '']) =>
      name.startsWith('.') ? normalize(join(dirname(path), name)) : name,
    );
  return {
    // `import '…'` alone, too: it is for what the file does as it is loaded.
    always: found(/^(?:(?:import|export|\})[^;']*from|import) '([^']+)'/gm),
    late: found(/\bimport\(\s*['"`]([^'"`]+)['"`]/g),
  };
}

const imports = new Map(
  ['actors', 'src'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => join(folder, file))
      .map((path) => [path, importsOf(path, readFileSync(join(ROOT, path), 'utf8'))] as const),
  ),
);
const allOf = (file: string): readonly string[] => {
  const { always = [], late = [] } = imports.get(file) ?? {};
  return [...always, ...late];
};

const ADAPTERS = /^src\/(log\/(jetstream|server)\/|storage\/(disk|jetstream\/)|(accounts|projection)\/file-)/;

const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const SHIPPED = Object.keys(dependencies);
const packageOf = (imported: string): string =>
  imported
    .split('/')
    .slice(0, imported.startsWith('@') ? 2 : 1)
    .join('/');

interface Rule {
  readonly name: string;
  readonly from: RegExp;
  readonly except?: RegExp;
  readonly never: (imported: string) => boolean;
}

const RULES: readonly Rule[] = [
  {
    name: 'actors import xstate and typebox only',
    from: /^actors\//,
    never: (imported) => !/^(actors\/|xstate$|typebox(\/|$))/.test(imported),
  },
  {
    name: 'the front does not know the worker',
    from: /^src\/front\//,
    never: (imported) => imported.startsWith('src/worker/'),
  },
  {
    name: 'the worker does not know the front, nor the accounts',
    from: /^src\/worker\//,
    never: (imported) => /^src\/(front|accounts)\//.test(imported),
  },
  {
    name: 'ports, projection and tasks do not know who uses them',
    from: /^src\/(log|projection|retention|storage|accounts|tasks)\//,
    never: (imported) => /^src\/(front|worker|cli)\//.test(imported),
  },
  {
    name: 'the log does not know what is made of it',
    from: /^src\/log\//,
    never: (imported) => /^src\/(projection|retention|storage|tasks|accounts)\//.test(imported),
  },
  {
    name: 'the store knows the log and the statuses of tasks only',
    from: /^src\/storage\//,
    never: (imported) => /^src\/(retention|tasks|accounts)\//.test(imported),
  },
  {
    name: 'only the command line knows replay',
    from: /^src\/(replay|front|worker|log|projection|retention|storage|accounts|tasks)\//,
    never: (imported) => imported.startsWith('src/replay/'),
    except: /^src\/replay\//,
  },
  {
    name: 'replay does not know the front, the worker, nor the accounts',
    from: /^src\/replay\//,
    never: (imported) => /^src\/(front|worker|accounts|cli)\//.test(imported),
  },
  {
    name: 'only the command line names adapters',
    from: /^src\//,
    except: new RegExp(`^src/cli/|${ADAPTERS.source}`),
    never: (imported) => ADAPTERS.test(imported),
  },
  {
    name: 'nothing imports the command line',
    from: /^(src|actors)\//,
    except: /^src\/cli\//,
    never: (imported) => imported.startsWith('src/cli/'),
  },
  {
    name: 'NATS is known to its adapters and to the command line only',
    from: /^(src|actors)\//,
    except: /^src\/((log|storage)\/jetstream|cli)\//,
    never: (imported) => imported.startsWith('@nats-io/'),
  },
  {
    name: 'uWebSockets.js is known to the server, the app and the exchange only',
    from: /^(src|actors)\//,
    except: /^src\/front\/(server|app|exchange)\.ts$/,
    never: (imported) => imported === 'uWebSockets.js',
  },
  {
    name: 'shipped code imports nothing that is installed for development only',
    from: /^(src|actors)\//,
    never: (imported) => !/^((src|actors)\/|node:)/.test(imported) && !SHIPPED.includes(packageOf(imported)),
  },
  {
    name: 'shipped code does not import tests',
    from: /^(src|actors)\//,
    never: (imported) => imported.startsWith('test/'),
  },
];

/** What is loaded with a file, itself included. */
function reachable(from: string, seen = new Set<string>()): Set<string> {
  if (seen.has(from)) return seen;
  seen.add(from);
  for (const imported of imports.get(from)?.always ?? []) reachable(imported, seen);
  return seen;
}

function circles(): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) found.push([...trail.slice(trail.indexOf(file)), file].join(' -> '));
    if (done.has(file) || trail.includes(file)) return;
    for (const imported of allOf(file)) visit(imported, [...trail, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return found;
}

test('every way to import is seen', () => {
  const text = `
    import '../alone.ts';
    import one, { two } from './one.ts';
    import type { Type } from '../../type.ts';
    import {
      first,
      second,
    } from 'package/part';
    export * from './all.ts';
    export { a as b } from './named.ts';
    export type { T } from './types.ts';
    export {
      c,
    } from './lines.ts';
    const late = await import('./late.ts');
    const later = import(
      '../later.ts'
    );
    const text = "from './nowhere.ts'";
  `.replace(/^ {4}/gm, '');
  expect(importsOf('src/folder/file.ts', text)).toEqual({
    always: [
      'src/alone.ts',
      'src/folder/one.ts',
      'type.ts',
      'package/part',
      ...['all', 'named', 'types', 'lines'].map((name) => `src/folder/${name}.ts`),
    ],
    late: ['src/folder/late.ts', 'src/later.ts'],
  });
});

describe('who may import whom', () => {
  it.each(RULES)('$name', ({ from, except, never }) => {
    const files = [...imports.keys()].filter((file) => from.test(file) && !except?.test(file));
    expect(files).not.toEqual([]);
    const broken = files.flatMap((file) =>
      allOf(file)
        .filter(never)
        .map((name) => `${file} imports ${name}`),
    );
    expect(broken).toEqual([]);
  });

  it('is never decided while the program runs, where it could not be seen', () => {
    const computed = [...imports.keys()].filter((file) =>
      /\bimport\(\s*[^\s'"`]/.test(readFileSync(join(ROOT, file), 'utf8')),
    );
    expect(computed).toEqual([]);
  });

  it('has no circles', () => {
    expect(circles()).toEqual([]);
  });

  it('names files that exist', () => {
    const missing = [...imports.keys()].flatMap((file) =>
      allOf(file)
        .filter((name) => /^(src|actors)\//.test(name) && !imports.has(name))
        .map((name) => `${file}: ${name}`),
    );
    expect(missing).toEqual([]);
  });

  it('never loads sharp into the front', () => {
    const loaded = reachable('src/cli/front.ts');
    expect(loaded.has('src/front/app.ts')).toBe(true);
    expect([...loaded].filter((name) => name === 'sharp')).toEqual([]);
  });
});
