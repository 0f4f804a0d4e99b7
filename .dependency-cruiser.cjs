// Who may import whom: cli -> front | worker -> ports and projection -> actors, and nothing points back.
const adapters = '^src/(log/(jetstream|embedded)|storage/disk|accounts/file)';
module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'actors-import-xstate-and-typebox-only',
      severity: 'error',
      from: { path: '^actors/' },
      to: { pathNot: ['^actors/', 'node_modules/(xstate|typebox)/'] },
    },
    {
      name: 'front-and-worker-never-meet',
      severity: 'error',
      from: { path: '^src/(front|worker)/' },
      to: { path: '^src/(front|worker)/', pathNot: '^src/$1/' },
    },
    {
      name: 'only-cli-names-adapters',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/cli/', adapters] },
      to: { path: adapters },
    },
    {
      name: 'nothing-imports-cli',
      severity: 'error',
      from: { path: '^(src|actors)/', pathNot: '^src/cli/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'ports-do-not-know-their-users',
      severity: 'error',
      from: { path: '^src/(log|projection|storage|accounts|tasks)/' },
      to: { path: '^src/(front|worker|cli)/' },
    },
    {
      name: 'front-never-loads-sharp',
      severity: 'error',
      from: { path: '^src/front/' },
      to: { path: 'node_modules/sharp/', reachable: true },
    },
    { name: 'shipped-code-never-imports-tests', severity: 'error', from: { path: '^(src|actors)/' }, to: { path: '^test/' } },
    { name: 'every-import-resolves', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};
