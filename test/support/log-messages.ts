/** The messages of log lines where the source writes them: `log.warn({ op }, "…")`. */
import ts from "typescript";
import type { SourceFile } from "./source-tree.ts";

export interface LogMessage {
  readonly place: string;
  readonly text: string;
  /** A literal in the source, so it is the same for every line. */
  readonly isFixed: boolean;
}

const METHODS: ReadonlySet<string> = new Set(["debug", "info", "warn", "error"]);

export function logMessages(files: readonly SourceFile[]): readonly LogMessage[] {
  return files.flatMap(({ path, text }) => {
    if (path.endsWith("/limited-log.ts")) return [];
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    return callsOfLog(source).map((call) => {
      const message = call.arguments[1];
      const { line } = source.getLineAndCharacterOfPosition(call.getStart());
      return {
        place: `${path}:${line + 1}`,
        text: message?.getText() ?? "",
        isFixed: message !== undefined && isFixed(message, source),
      };
    });
  });
}

function callsOfLog(node: ts.Node): ts.CallExpression[] {
  const calls: ts.CallExpression[] = [];
  const visit = (each: ts.Node): void => {
    if (ts.isCallExpression(each) && ts.isPropertyAccessExpression(each.expression)) {
      const { expression: receiver, name } = each.expression;
      if (METHODS.has(name.text) && /(?:^|[.#])log$/.test(receiver.getText())) calls.push(each);
    }
    ts.forEachChild(each, visit);
  };
  visit(node);
  return calls;
}

/** A literal, a conditional of literals, an entry of a table, or a parameter whose arguments are all literals. */
function isFixed(message: ts.Expression, source: ts.SourceFile): boolean {
  if (ts.isStringLiteral(message) || ts.isNoSubstitutionTemplateLiteral(message)) return true;
  if (ts.isConditionalExpression(message))
    return isFixed(message.whenTrue, source) && isFixed(message.whenFalse, source);
  if (ts.isElementAccessExpression(message)) return /^[A-Z_]+$/.test(message.expression.getText());
  if (!ts.isIdentifier(message)) return false;
  const values = givenFor(message.text, source);
  return values.length > 0 && values.every((each) => isFixed(each, source));
}

/** The value of the constant of that name, or the arguments of calls in the file for the parameter of that name. */
function givenFor(parameter: string, source: ts.SourceFile): ts.Expression[] {
  const given: ts.Expression[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && node.name.getText() === parameter && node.initializer !== undefined)
      given.push(node.initializer);
    if (ts.isMethodDeclaration(node) || ts.isFunctionDeclaration(node)) {
      const index = node.parameters.findIndex(({ name }) => name.getText() === parameter);
      const callee = node.name?.getText();
      if (index >= 0 && callee !== undefined) given.push(...argumentsOf(callee, index, source));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return given;
}

function argumentsOf(callee: string, index: number, source: ts.SourceFile): ts.Expression[] {
  const found: ts.Expression[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.getText().replace(/^this\./, "") === callee) {
      const argument = node.arguments[index];
      if (argument !== undefined) found.push(argument);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
