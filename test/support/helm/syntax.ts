/**
 * The subset of Go's template language that our chart uses: text with actions, `if`, `with`, `range`, `define`, and
 * pipelines of fields, literals and functions. Anything else in a template is an error here, not a guess.
 */

export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "print"; readonly pipeline: Pipeline }
  | {
      readonly kind: "if" | "with" | "range";
      readonly pipeline: Pipeline;
      readonly then: readonly Node[];
      readonly otherwise: readonly Node[];
    };

/** Commands, each of which gets the value of the previous one as its last argument. */
export type Pipeline = readonly Command[];
export type Command = readonly Operand[];
export type Operand =
  | { readonly kind: "literal"; readonly value: string | number | boolean }
  | { readonly kind: "field"; readonly isOfRoot: boolean; readonly path: readonly string[] }
  | { readonly kind: "function"; readonly name: string }
  | { readonly kind: "pipeline"; readonly pipeline: Pipeline };

export interface Template {
  readonly body: readonly Node[];
  /** By their names in `define`. */
  readonly defined: ReadonlyMap<string, readonly Node[]>;
}

type Token = { readonly kind: "text" | "action"; readonly text: string };

export function parseTemplate(text: string): Template {
  const tokens = tokenize(text);
  const defined = new Map<string, readonly Node[]>();
  const reader = new NodeReader(tokens, defined);
  return { body: reader.readAll(), defined };
}

/** A dash inside the braces removes the adjacent white space. */
function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let trimsNext = false;
  let at = 0;
  for (const action of text.matchAll(/\{\{(- )?\s*([\s\S]*?)\s*( -)?\}\}/g)) {
    const [whole, trimsBefore, inner = "", trimsAfter] = action;
    const between = text.slice(at, action.index);
    const begun = trimsNext ? between.trimStart() : between;
    tokens.push({ kind: "text", text: trimsBefore === undefined ? begun : begun.trimEnd() });
    tokens.push({ kind: "action", text: inner });
    trimsNext = trimsAfter !== undefined;
    at = action.index + whole.length;
  }
  const rest = text.slice(at);
  if (rest.includes("{{")) throw new Error(`an action does not end: ${rest.slice(0, 60)}`);
  return [...tokens, { kind: "text", text: trimsNext ? rest.trimStart() : rest }];
}

class NodeReader {
  readonly #tokens: readonly Token[];
  readonly #defined: Map<string, readonly Node[]>;
  #at = 0;

  constructor(tokens: readonly Token[], defined: Map<string, readonly Node[]>) {
    this.#tokens = tokens;
    this.#defined = defined;
  }

  readAll(): readonly Node[] {
    const { nodes, end } = this.#readUntilEnd();
    if (end !== null) throw new Error(`{{ ${end} }} has no beginning`);
    return nodes;
  }

  /** Up to `end` or `else`, which is returned, or the end of the text. */
  #readUntilEnd(): { readonly nodes: readonly Node[]; readonly end: string | null } {
    const nodes: Node[] = [];
    for (;;) {
      const token = this.#tokens[this.#at++];
      if (token === undefined) return { nodes, end: null };
      if (token.kind === "text") nodes.push({ kind: "text", text: token.text });
      else if (/^(?:end|else)\b/.test(token.text)) return { nodes, end: token.text };
      else nodes.push(...this.#readAction(token.text));
    }
  }

  #readAction(text: string): readonly Node[] {
    const [, keyword = "", rest = ""] = /^(\S+)\s*([\s\S]*)$/.exec(text) ?? [];
    switch (keyword) {
      case "if":
      case "with":
      case "range":
        return [this.#readBranches(keyword, rest)];
      case "define": {
        const { nodes, end } = this.#readUntilEnd();
        if (end !== "end") throw new Error(`{{ ${text} }} does not end`);
        this.#defined.set(String(JSON.parse(rest)), nodes);
        return [];
      }
      default:
        return [{ kind: "print", pipeline: parsePipeline(text) }];
    }
  }

  #readBranches(kind: "if" | "with" | "range", condition: string): Node {
    const pipeline = parsePipeline(condition);
    const { nodes: then, end } = this.#readUntilEnd();
    if (end === "end") return { kind, pipeline, then, otherwise: [] };
    const [, nested] = /^else if ([\s\S]*)$/.exec(end ?? "") ?? [];
    if (nested !== undefined) return { kind, pipeline, then, otherwise: [this.#readBranches("if", nested)] };
    if (end !== "else") throw new Error(`{{ ${kind} ${condition} }} does not end`);
    const last = this.#readUntilEnd();
    if (last.end !== "end") throw new Error(`{{ ${kind} ${condition} }} does not end`);
    return { kind, pipeline, then, otherwise: last.nodes };
  }
}

const WORD = /\s*("(?:[^"\\]|\\.)*"|\$?(?:\.[A-Za-z]\w*)+|[.$]|-?\d+|[A-Za-z]\w*|[()|])/y;

function parsePipeline(text: string): Pipeline {
  const words: string[] = [];
  WORD.lastIndex = 0;
  while (WORD.lastIndex < text.length) {
    const from = WORD.lastIndex;
    const [, word] = WORD.exec(text) ?? [];
    if (word === undefined) throw new Error(`{{ ${text} }}: what is ${JSON.stringify(text.slice(from))}?`);
    words.push(word);
  }
  const pipeline = readPipeline(words);
  if (words.length > 0) throw new Error(`{{ ${text} }}: ${words.join(" ")} is left over`);
  return pipeline;
}

/** Removes the words it reads from `words`. */
function readPipeline(words: string[]): Pipeline {
  const commands: Operand[][] = [[]];
  while (words.length > 0 && words[0] !== ")") {
    const word = words.shift() ?? "";
    if (word === "|") commands.push([]);
    else commands.at(-1)?.push(word === "(" ? readParentheses(words) : readOperand(word));
  }
  if (commands.some((command) => command.length === 0)) throw new Error("a command is empty");
  return commands;
}

function readParentheses(words: string[]): Operand {
  const pipeline = readPipeline(words);
  if (words.shift() !== ")") throw new Error("a parenthesis does not close");
  return { kind: "pipeline", pipeline };
}

function readOperand(word: string): Operand {
  if (word === "true" || word === "false") return { kind: "literal", value: word === "true" };
  if (/^["\d-]/.test(word)) return { kind: "literal", value: JSON.parse(word) as string | number };
  if (!/^[.$]/.test(word)) return { kind: "function", name: word };
  const path = word.replace(/^\$/, "").split(".").filter(Boolean);
  return { kind: "field", isOfRoot: word.startsWith("$"), path };
}
