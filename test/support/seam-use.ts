/**
 * Finds direct access to the host in source: files, sockets, processes, time and randomness that were not passed in.
 */
import ts from "typescript";

export interface SeamUse {
  readonly line: number;
  readonly reason: string;
}

/** Modules that access the host, with the names in them that do not. */
const MODULES: Readonly<Record<string, readonly string[]>> = {
  "node:fs": [],
  "node:fs/promises": [],
  "node:net": [],
  "node:tls": ["rootCertificates"],
  "node:http": [],
  "node:https": [],
  "node:http2": [],
  "node:dgram": [],
  "node:dns": [],
  "node:dns/promises": [],
  "node:child_process": [],
  "node:cluster": [],
  "node:worker_threads": [],
  "node:timers": [],
  "node:timers/promises": [],
  "node:process": [],
  "node:perf_hooks": [],
  "node:os": ["constants", "endianness"],
  "node:crypto": ["createHash", "createHmac"],
  koffi: [],
  "raw-socket": [],
  etcd3: [],
  "@grpc/grpc-js": [],
};
/** Our own adapters to the host. */
const OURS = /(?:^|\/)(?:runtime\/(?:node-files|program)|kubernetes\/node-http|udp\/worker-thread)\.ts$/;
const OUR_NAMES: ReadonlySet<string> = new Set(["systemClock", "systemRandom"]);
const CLIENT_LIBRARY = /^@kubernetes\//;

const GLOBAL_CALLS: ReadonlySet<string> = new Set([
  "setTimeout",
  "setInterval",
  "setImmediate",
  "fetch",
  "require",
]);
const MEMBERS: ReadonlySet<string> = new Set([
  "Math.random",
  "Date.now",
  "performance.now",
  "performance.timeOrigin",
  "AbortSignal.timeout",
  "crypto.getRandomValues",
  "crypto.randomUUID",
]);
/** Text without any of these needs no parsing. */
const SUSPECT =
  /node:|koffi|raw-socket|etcd3|@grpc|@kubernetes|runtime\/|node-http|worker-thread|system(?:Clock|Random)|setTimeout|setInterval|setImmediate|fetch|require|Math\.|Date|performance|AbortSignal|crypto|process/;

export function seamUses(text: string): SeamUse[] {
  if (!SUSPECT.test(text)) return [];
  const source = ts.createSourceFile("source.ts", text, ts.ScriptTarget.ESNext, true);
  const uses: SeamUse[] = [];
  const report = (node: ts.Node, reason: string) =>
    uses.push({ line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1, reason });

  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      for (const name of importedFromHost(node)) report(node, `imports ${name}`);
    } else if (ts.isCallExpression(node)) {
      const called = node.expression;
      const [argument] = node.arguments;
      if (called.kind === ts.SyntaxKind.ImportKeyword && argument !== undefined) {
        const module = ts.isStringLiteral(argument) ? argument.text : argument.getText();
        if (isHost(module)) report(node, `imports ${module}`);
      } else if (ts.isIdentifier(called) && GLOBAL_CALLS.has(called.text))
        report(node, `calls ${called.text}`);
    } else if (ts.isPropertyAccessExpression(node)) {
      const member = `${node.expression.getText()}.${node.name.text}`.replace(/^globalThis\./, "");
      if (MEMBERS.has(member) || /^process\.\w+$/.test(member)) report(node, `uses ${member}`);
    } else if (ts.isNewExpression(node)) {
      const isNow = node.expression.getText() === "Date" && (node.arguments ?? []).length === 0;
      if (isNow) report(node, "reads the wall clock by new Date()");
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return uses;
}

function isHost(module: string): boolean {
  return module in MODULES || CLIENT_LIBRARY.test(module) || OURS.test(module);
}

/** The names of an import that access the host; types do not. */
function importedFromHost(declaration: ts.ImportDeclaration): readonly string[] {
  const clause = declaration.importClause;
  const module = (declaration.moduleSpecifier as ts.StringLiteral).text;
  if (clause === undefined) return isHost(module) ? [module] : [];
  if (clause.isTypeOnly) return [];
  const bindings = clause.namedBindings;
  const isWhole = clause.name !== undefined || (bindings !== undefined && ts.isNamespaceImport(bindings));
  if (isWhole) return isHost(module) ? [module] : [];
  const elements = bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements : [];
  const names = elements
    .filter((each) => !each.isTypeOnly)
    .map((each) => (each.propertyName ?? each.name).text);
  const harmless = MODULES[module] ?? [];
  return names.filter((name) => OUR_NAMES.has(name) || (isHost(module) && !harmless.includes(name)));
}
