/** Habits that no compiler forbids: what each finding says is one line, `path: what`. */
import ts from 'typescript';
import type { SourceFile } from './source-files.ts';

/** Each file does one thing; beyond this a second idea is surely waiting for its own name. */
export const LINES_MAX = 450;

const SUPPRESSION =
  /eslint-disable|@ts-(ignore|expect-error|nocheck)|prettier-ignore-start|c8 ignore|v8 ignore/;
/** A reason is more than a word or two after the colon. */
const TODO_WITHOUT_REASON = /\b(TODO|FIXME|HACK)\b(?!: \S+ \S+ \S+)/;
/** Home and working folders of somebody's machine; `/home` and the like in the middle of an address are none. */
const MACHINE_PATH = /(?<![\w.:/])\/(work|root|home|Users)\/\w/;

/** Findings in code of ours that runs. */
export function findCodeFaults(file: SourceFile): string[] {
  const faults: string[] = [];
  const lineCount = file.text.trimEnd().split('\n').length;
  if (lineCount > LINES_MAX) faults.push(`${lineCount} lines, more than ${LINES_MAX}`);
  if (/(^|\/)index\.ts$/.test(file.path)) faults.push('is an index: a thing has one address');
  const suppression = SUPPRESSION.exec(file.text);
  if (suppression !== null) faults.push(`suppresses a check: ${suppression[0]}`);
  const visit = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AnyKeyword) faults.push('uses `any`');
    if (namesNodeInLog(node)) faults.push('gives a log line the field `node`, which every line has');
    if (ts.isExportAssignment(node) || isDefaultExport(node)) faults.push('has a default export');
    ts.forEachChild(node, visit);
  };
  visit(parse(file));
  return [...faults.map((fault) => `${file.path}: ${fault}`), ...findTextFaults(file)];
}

/** `log.info({ node, … }, …)`: the log of a command has the name of its node in it, and JSON with a name twice is read in two ways. */
function namesNodeInLog(node: ts.Node): boolean {
  if (!ts.isCallExpression(node) || !/\blog\.(debug|info|warn|error)$/.test(node.expression.getText()))
    return false;
  const [fields] = node.arguments;
  return (
    fields !== undefined &&
    ts.isObjectLiteralExpression(fields) &&
    fields.properties.some(({ name }) => name?.getText() === 'node')
  );
}

/** Findings in any text of ours. */
export function findTextFaults(file: SourceFile): string[] {
  const faults: string[] = [];
  if (TODO_WITHOUT_REASON.test(file.text)) faults.push('has a TODO without a reason');
  const machinePath = MACHINE_PATH.exec(file.text);
  if (machinePath !== null) faults.push(`names a path of one machine: ${machinePath[0]}…`);
  return faults.map((fault) => `${file.path}: ${fault}`);
}

const CLOCKS_AND_CHANCE = new Set(['Date.now', 'Math.random', 'performance.now', 'crypto.randomUUID']);
const WORLD = new Set([
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'process',
  'console',
  'fetch',
  'performance',
]);

/** Findings in pure code: what takes the time, chance or the world from elsewhere than its arguments. */
export function findImpurities(file: SourceFile): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && CLOCKS_AND_CHANCE.has(node.getText())) {
      found.push(node.getText());
    } else if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length) {
      found.push('new Date()');
    } else if (ts.isIdentifier(node) && WORLD.has(node.text) && isFreeName(node)) {
      found.push(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(parse(file));
  return found.map((name) => `${file.path}: uses ${name}`);
}

function isFreeName(node: ts.Identifier): boolean {
  const { parent } = node;
  const isMemberName =
    (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
    ts.isPropertySignature(parent) ||
    ts.isPropertyAssignment(parent);
  return !isMemberName;
}

/** Findings in tests: one that is left out, or that leaves all others out. A test may be left out only for want of recorded data. */
export function findTestFaults(file: SourceFile): string[] {
  const faults: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node)) {
      const [owner, method] = [node.expression.getText(), node.name.text];
      if (/^(it|test|describe)(\.\w+)*$/.test(owner)) {
        if (['only', 'todo', 'fails'].includes(method)) faults.push(`${owner}.${method}`);
        if (method === 'skip' && !isGuardedByData(node)) faults.push(`${owner}.skip without a condition`);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(parse(file));
  return faults.map((fault) => `${file.path}: ${fault}`);
}

/** Whether the call stands in the branch taken when `sharedDataPath` found nothing. */
function isGuardedByData(node: ts.Node): boolean {
  for (let outer = node.parent; !ts.isSourceFile(outer); outer = outer.parent) {
    if (ts.isIfStatement(outer)) {
      return (
        outer.expression.getText().includes('undefined') &&
        outer.getSourceFile().text.includes('sharedDataPath')
      );
    }
  }
  return false;
}

function isDefaultExport(node: ts.Node): boolean {
  return (
    ts.canHaveModifiers(node) &&
    (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)
  );
}

function parse(file: SourceFile): ts.SourceFile {
  return ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023, true);
}
