import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** Functions that declare a message; `name` of their argument is its name, `response` that of another one. */
const DECLARING: readonly string[] = ['message', 'controlMessage'];

/**
 * Names of messages that stand in the sources outside the declaration of a message (architecture of Meshferry, rule 4):
 * whoever needs one takes it from the declaration. `files` are paths below `root`.
 */
export function messageNameViolations(root: string, files: readonly string[]): string[] {
  const sources = files.map((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  });
  const names = new Set<string>();
  const others: ts.StringLiteralLike[] = [];
  for (const source of sources) {
    visit(source, (literal) => {
      if (isDeclared(literal, 'name')) names.add(literal.text);
      else if (!isDeclared(literal, 'response')) others.push(literal);
    });
  }
  return others.filter(({ text }) => names.has(text)).map(violation);
}

function visit(node: ts.Node, found: (literal: ts.StringLiteralLike) => void): void {
  if (ts.isStringLiteralLike(node)) found(node);
  node.forEachChild((child) => visit(child, found));
}

/** Whether this is the member of that name in the argument of a declaring function. */
function isDeclared(literal: ts.StringLiteralLike, member: string): boolean {
  const property = literal.parent;
  if (!ts.isPropertyAssignment(property) || property.name.getText() !== member) return false;
  const call = property.parent.parent;
  return ts.isCallExpression(call) && DECLARING.includes(call.expression.getText());
}

function violation(literal: ts.StringLiteralLike): string {
  const source = literal.getSourceFile();
  const line = source.getLineAndCharacterOfPosition(literal.getStart()).line + 1;
  return `${source.fileName}:${line}: names the message "${literal.text}", which its declaration does`;
}
