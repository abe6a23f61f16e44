/** Finds the fields of log lines where the source writes them: `log.warn({ op, reason }, "…")`. */
import ts from "typescript";
import type { SourceFile } from "./source-tree.ts";

export interface LogFieldUse {
  /** Each name with the locations of the calls that write it. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  /** Locations and texts of logged values whose names are not literal in the file. */
  readonly unclear: readonly string[];
}

const METHODS: ReadonlySet<string> = new Set(["debug", "info", "warn", "error", "child"]);
const LOG_CALL = /\blog\s*\.(?:debug|info|warn|error|child)\(/;

export function logFieldUse(files: readonly SourceFile[]): LogFieldUse {
  const fields = new Map<string, string[]>();
  const unclear: string[] = [];
  for (const { path, text } of files.filter((file) => LOG_CALL.test(file.text))) {
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    for (const call of callsOfLog(source)) {
      const place = `${path}:${source.getLineAndCharacterOfPosition(call.getStart()).line + 1}`;
      const [argument] = call.arguments;
      const { names, unknown } = argument === undefined ? NOTHING : keysOf(argument, source);
      for (const name of names) fields.set(name, [...(fields.get(name) ?? []), place]);
      unclear.push(...unknown.map((expression) => `${place} ${expression}`));
    }
  }
  return { fields, unclear };
}

function* callsOfLog(node: ts.Node): Generator<ts.CallExpression> {
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    const { expression: receiver, name } = node.expression;
    if (METHODS.has(name.text) && /(?:^|[.#])log$/.test(receiver.getText())) yield node;
  }
  for (const child of childrenOf(node)) yield* callsOfLog(child);
}

interface Keys {
  readonly names: readonly string[];
  readonly unknown: readonly string[];
}
const NOTHING: Keys = { names: [], unknown: [] };

/** The keys of an object literal, of a constant that holds one, and of spread expressions in it. */
function keysOf(expression: ts.Expression, source: ts.SourceFile): Keys {
  if (ts.isParenthesizedExpression(expression)) return keysOf(expression.expression, source);
  if (ts.isConditionalExpression(expression)) {
    return union([keysOf(expression.whenTrue, source), keysOf(expression.whenFalse, source)]);
  }
  if (ts.isObjectLiteralExpression(expression)) {
    return union(expression.properties.map((property) => keysOfProperty(property, source)));
  }
  const values = ts.isIdentifier(expression) ? constantsNamed(expression.text, source) : [];
  if (values.length === 0) return { names: [], unknown: [expression.getText()] };
  return union(values.map((value) => keysOf(value, source)));
}

function keysOfProperty(property: ts.ObjectLiteralElementLike, source: ts.SourceFile): Keys {
  if (ts.isSpreadAssignment(property)) return keysOf(property.expression, source);
  const isNamed = property.name !== undefined && ts.isIdentifier(property.name);
  return isNamed
    ? { names: [property.name.text], unknown: [] }
    : { names: [], unknown: [property.getText()] };
}

function union(parts: readonly Keys[]): Keys {
  return {
    names: parts.flatMap((part) => part.names),
    unknown: parts.flatMap((part) => part.unknown),
  };
}

/** Values of every constant of that name in the file: scopes are not distinguished. */
function constantsNamed(name: string, node: ts.Node): ts.Expression[] {
  const isIt = ts.isVariableDeclaration(node) && node.name.getText() === name;
  const own = isIt && node.initializer !== undefined ? [node.initializer] : [];
  return [...own, ...childrenOf(node).flatMap((child) => constantsNamed(name, child))];
}

function childrenOf(node: ts.Node): ts.Node[] {
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => void children.push(child));
  return children;
}
