import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { isPure } from './floors.ts';
import { packagesOf, sourcesOf, testFile } from './workspace.ts';

/** Globals that belong to the outside. */
const forbiddenGlobals = new Set([
  'Buffer',
  'XMLHttpRequest',
  'WebSocket',
  'clearInterval',
  'clearTimeout',
  'console',
  'fetch',
  'performance',
  'process',
  'queueMicrotask',
  'require',
  'setImmediate',
  'setInterval',
  'setTimeout',
]);

/** Members of globals that are otherwise allowed: what reads the system's clock or chance. */
const forbiddenMembers = new Set(['Date.now', 'Math.random', 'crypto.getRandomValues', 'crypto.randomUUID']);

const globalObjects = new Set(['globalThis', 'self', 'window', 'global']);

/**
 * Uses of the system's clock, timers, chance, terminal and of Node's globals in sources below the edge: there time is a
 * `Clock` and chance a `Random`. One line each; empty when all is well.
 */
export function purityViolations(root: string): string[] {
  return packagesOf(root)
    .filter(({ folder }) => isPure(folder))
    .flatMap((pkg) => sourcesOf(root, pkg))
    .filter((file) => !testFile.test(file))
    .flatMap((file) => impureUses(file, readFileSync(join(root, file), 'utf8')));
}

/** The uses in one source text; `file` is what the lines name. */
export function impureUses(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const own = declaredNames(source);
  const found: string[] = [];
  visit(source);
  return found;

  function visit(node: ts.Node): void {
    // A type names, it does not use; a parameter or member of the same name is not the global.
    if (ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node)) return;
    const use = impureUse(node, own);
    if (use !== undefined) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      found.push(`${file}:${line + 1}: uses ${use}, which does not belong below the edge`);
    } else ts.forEachChild(node, visit);
  }
}

function impureUse(node: ts.Node, own: ReadonlySet<string>): string | undefined {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    const object = node.expression.text;
    if (own.has(object)) return undefined;
    const name = `${object}.${node.name.text}`;
    if (forbiddenMembers.has(name)) return name;
    if (globalObjects.has(object) && forbiddenGlobals.has(node.name.text)) return name;
  }
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length) return 'new Date()';
  if (ts.isCallExpression(node) && node.expression.getText() === 'Date') return 'Date()';
  if (ts.isIdentifier(node) && forbiddenGlobals.has(node.text) && !own.has(node.text) && isReference(node))
    return node.text;
  return undefined;
}

/** Whether an identifier stands for a value in scope, not for a member or a label. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isShorthandPropertyAssignment(parent)) return true;
  const named = parent as { name?: ts.Node; propertyName?: ts.Node };
  return named.name !== node && named.propertyName !== node;
}

/** Every name that the file declares itself, anywhere: those are its own and shadow the globals. */
function declaredNames(source: ts.SourceFile): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (
      (ts.isVariableDeclaration(node) ||
        ts.isParameter(node) ||
        ts.isFunctionDeclaration(node) ||
        ts.isClassDeclaration(node) ||
        ts.isBindingElement(node) ||
        ts.isImportSpecifier(node) ||
        ts.isImportClause(node) ||
        ts.isNamespaceImport(node)) &&
      node.name !== undefined &&
      ts.isIdentifier(node.name)
    ) {
      names.add(node.name.text);
    }
    if (!ts.isTypeNode(node)) ts.forEachChild(node, visit);
  };
  visit(source);
  return names;
}
