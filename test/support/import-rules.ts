/**
 * Who imports whom in `src`: what breaks the table of `import-table.json`, and cycles. Imports of types count as any other.
 */
import { posix } from 'node:path';
import ts from 'typescript';
import type { SourceFile } from './source-files.ts';

/** What each part may import of ours; `*` is everything. A part is a folder of `src`, or a file in it. */
export type ImportTable = Readonly<Record<string, readonly string[]>>;

/** Returns the module specifiers of every import, export from, `import()` and `import('…').Type` of a file. */
export function specifiersOf(file: SourceFile): string[] {
  const specifiers: string[] = [];
  const visit = (node: ts.Node): void => {
    const specifier =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
        ? node.moduleSpecifier
        : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
          ? node.arguments[0]
          : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
            ? node.argument.literal
            : undefined;
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) specifiers.push(specifier.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023));
  return specifiers;
}

/** Returns one line for each import that the rules of the source tree forbid. */
export function findForbiddenImports(files: readonly SourceFile[], table: ImportTable): string[] {
  return files.flatMap((file) => {
    const part = partOf(file.path, table);
    if (part === undefined) return [`${file.path} lies in no part of the table`];
    return specifiersOf(file)
      .filter((specifier) => !isAllowed(file.path, part, specifier, table))
      .map((specifier) => `${file.path} imports ${specifier}`);
  });
}

function isAllowed(path: string, part: string, specifier: string, table: ImportTable): boolean {
  const isDomain = part === 'market' || part === 'exchanges';
  if (!specifier.startsWith('.')) {
    if (isDomain) return specifier === 'decimal.js';
    return specifier !== 'nact' || part === 'actors/kernel';
  }
  const target = resolve(path, specifier);
  if (!target.startsWith('src/')) return false;
  const allowed = [part, ...table[part]!];
  const targetPart = partOf(target, table);
  return allowed.includes('*') || allowed.some((name) => name === targetPart || target === `src/${name}`);
}

function partOf(path: string, table: ImportTable): string | undefined {
  return Object.keys(table)
    .filter((part) => path === `src/${part}` || path.startsWith(`src/${part}/`))
    .sort((a, b) => b.length - a.length)[0];
}

function resolve(path: string, specifier: string): string {
  return posix.join(posix.dirname(path), specifier);
}

/** Returns each cycle found as the files on it, `a.ts → b.ts → a.ts`; empty when there is none. */
export function findCycles(files: readonly SourceFile[]): string[] {
  const imports = new Map(
    files.map((file) => [
      file.path,
      specifiersOf(file)
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => resolve(file.path, specifier)),
    ]),
  );
  const cycles: string[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    if (finished.has(path)) return;
    const start = trail.indexOf(path);
    if (start >= 0) {
      cycles.push([...trail.slice(start), path].join(' → '));
      return;
    }
    for (const target of imports.get(path) ?? []) visit(target, [...trail, path]);
    finished.add(path);
  };
  for (const file of files) visit(file.path, []);
  return cycles;
}
