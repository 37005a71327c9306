/**
 * Finds the places where decimal text, or exact units, could pass through a binary float. It can't know what a variable means, so it finds every
 * conversion and every rounded division; the ones that are about times, counts and sequences stand in the allow-list of `tidy.test.ts`.
 */
import ts from 'typescript';
import type { SourceFile } from './source-files.ts';

/** `place` is the file and the function around it: `src/market/units.ts#toUnits`, `#Class.method` in a class, `#top` outside of both. */
export type Finding = { readonly place: string; readonly what: string };

const FLOAT_METHODS = new Set(['toFixed', 'toPrecision', 'toExponential', 'toNumber']);
const NUMBER_READERS = new Set(['parseFloat', 'parseInt']);
const ROUNDINGS = new Set(['round', 'floor', 'ceil', 'trunc']);

export function findFloatConversions(file: SourceFile): Finding[] {
  const findings: Finding[] = [];
  const visit = (node: ts.Node, trail: readonly string[]): void => {
    const name = nameOf(node);
    const inner = name === undefined ? trail : [...trail, name];
    const what = describe(node);
    if (what !== undefined) findings.push({ place: placeOf(file.path, inner), what });
    ts.forEachChild(node, (child) => {
      visit(child, inner);
    });
  };
  visit(ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023, true), []);
  return findings;
}

function placeOf(path: string, names: readonly string[]): string {
  return `${path}#${names.slice(0, 2).join('.') || 'top'}`;
}

/** A declaration that gives code its address: a function, method or class, or a variable. */
function nameOf(node: ts.Node): string | undefined {
  const isNamed =
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isAccessor(node) ||
    ts.isPropertyDeclaration(node) ||
    (ts.isVariableDeclaration(node) && isTopLevel(node));
  if (ts.isConstructorDeclaration(node)) return 'constructor';
  return isNamed ? node.name?.getText() : undefined;
}

function isTopLevel(node: ts.VariableDeclaration): boolean {
  return ts.isSourceFile(node.parent.parent.parent);
}

function describe(node: ts.Node): string | undefined {
  if (ts.isIdentifier(node)) return describeName(node);
  if (ts.isPropertyAccessExpression(node)) return describeAccess(node);
  if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.PlusToken) {
    return ts.isNumericLiteral(node.operand) ? undefined : 'unary +';
  }
  if (ts.isBinaryExpression(node)) return describeCoercion(node);
  if (ts.isCallExpression(node)) return describeRounding(node);
  return undefined;
}

/** `Number(…)`, `new Number`, `.map(Number)`, `parseFloat`: the names themselves, wherever they are used as a value. */
function describeName(node: ts.Identifier): string | undefined {
  const { parent } = node;
  if (NUMBER_READERS.has(node.text)) return ts.isPropertyAccessExpression(parent) ? undefined : node.text;
  if (node.text !== 'Number' || ts.isTypeReferenceNode(parent)) return undefined;
  const isMember = ts.isPropertyAccessExpression(parent);
  return isMember || ts.isPropertyAssignment(parent) ? undefined : 'Number';
}

function describeAccess(node: ts.PropertyAccessExpression): string | undefined {
  const { text } = node.name;
  if (FLOAT_METHODS.has(text) || text === 'fround') return text;
  const owner = node.expression.getText();
  if (owner === 'Number' && NUMBER_READERS.has(text)) return `Number.${text}`;
  return owner === 'JSON' && text === 'parse' ? 'JSON.parse' : undefined;
}

/** `text * 1`, `text - 0` and `text / 1` make numbers of text as well. */
function describeCoercion(node: ts.BinaryExpression): string | undefined {
  const operand = ts.isNumericLiteral(node.right) ? node.right.text : undefined;
  const operator = node.operatorToken.getText();
  const isNeutral =
    ((operator === '*' || operator === '/') && operand === '1') || (operator === '-' && operand === '0');
  return isNeutral ? `${operator} ${operand}` : undefined;
}

function describeRounding(node: ts.CallExpression): string | undefined {
  const callee = node.expression;
  if (!ts.isPropertyAccessExpression(callee) || callee.expression.getText() !== 'Math') return undefined;
  return ROUNDINGS.has(callee.name.text) && node.arguments.some(holdsDivision)
    ? `Math.${callee.name.text} of a division`
    : undefined;
}

function holdsDivision(node: ts.Node): boolean {
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.SlashToken) return true;
  return ts.forEachChild(node, (child) => holdsDivision(child) || undefined) ?? false;
}
