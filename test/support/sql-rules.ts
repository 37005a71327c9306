/**
 * Finds text that goes into SQL otherwise than as a parameter. The name of the schema is checked by the database's constructor, and constants are
 * nobody's input; everything else that is put into a statement stands in the allow-list of `sql.test.ts`, with its reason.
 */
import ts from 'typescript';
import type { SourceFile } from './source-files.ts';

/** House style writes keywords of SQL in capitals, so prose is not taken for a statement. */
const STATEMENT =
  /\b(SELECT\b|INSERT INTO|UPDATE [^ ]|DELETE FROM|(CREATE|ALTER|DROP) (TABLE|SCHEMA|INDEX)|WITH \w+ AS|VACUUM\b|LISTEN |NOTIFY )/;
const CONSTANT = /^[A-Z][A-Z0-9_]*$/;
const SCHEMA = /^((this\.#?\w+|\w+)\.)*schema$/;

/** Each finding is `path: expression`. */
export function findSqlInterpolations(file: SourceFile): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isTemplateExpression(node) && STATEMENT.test(textOf(node))) {
      for (const { expression } of node.templateSpans) {
        const text = expression.getText();
        if (!SCHEMA.test(text) && !CONSTANT.test(text)) found.push(text);
      }
    }
    if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
      for (const side of [node.left, node.right]) {
        if (ts.isStringLiteralLike(side) && STATEMENT.test(side.text)) found.push(node.getText());
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023, true));
  return found.map((text) => `${file.path}: ${text}`);
}

/** The fixed parts of a template, a blank for each value. */
function textOf(node: ts.TemplateExpression): string {
  return [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('x');
}
