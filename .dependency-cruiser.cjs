/**
 * Dependencies point one way: inner parts never import outer ones, edges never import one another.
 * The same table stands in ARCHITECTURE.md.
 */
const allow = {
  base: [],
  market: [],
  exchanges: ['market'],
  codec: ['base', 'market'],
  supervision: ['base'],
  'actors/kernel': ['base', 'supervision'],
  actors: ['base', 'market', 'exchanges', 'supervision', 'actors/kernel'],
  feeds: ['base', 'market', 'actors/ports'],
  persistence: ['base', 'market', 'codec', 'actors/ports'],
  publishing: ['base', 'market', 'actors/ports'],
  admin: ['base', 'market', 'actors'],
};

const rules = Object.entries(allow).map(([part, targets]) => {
  const own = part === 'actors' ? '^src/actors/(?!kernel/)' : `^src/${part}/`;
  const allowed = [
    part === 'actors' ? '^src/actors/(?!kernel/)' : `^src/${part}/`,
    ...targets.map((target) => (target === 'actors/ports' ? '^src/actors/ports\\.ts$' : `^src/${target}/`)),
    '^node_modules/',
    '^(node:)?[a-z_/]+$',
  ];
  return {
    name: `imports-of-${part.replace('/', '-')}`,
    severity: 'error',
    from: { path: own },
    to: { path: '^src/', pathNot: allowed.filter((pattern) => pattern.startsWith('^src/')) },
  };
});

module.exports = {
  forbidden: [
    ...rules,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'settings-import-base-only',
      severity: 'error',
      from: { path: '^src/settings\\.ts$' },
      to: { path: '^src/', pathNot: ['^src/base/'] },
    },
    {
      name: 'only-the-kernel-imports-nact',
      severity: 'error',
      from: { pathNot: '^src/actors/kernel/' },
      to: { path: 'node_modules/nact' },
    },
    {
      name: 'the-domain-imports-only-the-number-library',
      severity: 'error',
      from: { path: '^src/(market|exchanges)/' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer'], pathNot: 'node_modules/decimal\\.js' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'types'] },
  },
};
