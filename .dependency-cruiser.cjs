/**
 * Dependencies point one way: inner parts never import outer ones, edges never import one another. The table is read by
 * test/tidy.test.ts too, which proves the same without this tool and says so in the words of the project.
 */
const importTable = require('./test/support/import-table.json');

/** The kernel is a part of its own inside of actors. */
const pathOf = (part) =>
  part === 'actors'
    ? '^src/actors/(?!kernel/)'
    : part.endsWith('.ts')
      ? `^src/${part.replace('.', '\\.')}$`
      : `^src/${part}/`;

const rules = Object.entries(importTable)
  .filter(([, targets]) => !targets.includes('*'))
  .map(([part, targets]) => ({
    name: `imports-of-${part.replaceAll(/[/.]/g, '-')}`,
    severity: 'error',
    from: { path: pathOf(part) },
    to: { path: '^src/', pathNot: [pathOf(part), ...targets.map(pathOf)] },
  }));

module.exports = {
  forbidden: [
    ...rules,
    {
      name: 'the-dashboard-knows-of-the-node-only-what-the-package-offers-to-its-clients',
      severity: 'error',
      from: { path: '^web/' },
      to: { path: '^src/', pathNot: '^src/client/' },
    },
    {
      name: 'nothing-knows-the-dashboard',
      severity: 'error',
      from: { pathNot: '^web/' },
      to: { path: '^web/' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
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
      to: {
        dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer'],
        pathNot: 'node_modules/decimal\\.js',
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'types'],
    },
  },
};
