/** Renders a chart as `helm template` does, for the subset that ours uses; it refuses the rest. */
import { readdir, readFile } from "node:fs/promises";
import { parse, stringify } from "yaml";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/runtime/json.ts";
import { type Command, type Node, type Operand, type Pipeline, parseTemplate } from "./syntax.ts";

export interface Chart {
  readonly metadata: JsonObject;
  readonly values: JsonObject;
  /** Texts of the templates by their names: "daemon-set.yaml", "NOTES.txt". */
  readonly templates: ReadonlyMap<string, string>;
}

export async function readChart(directory: URL): Promise<Chart> {
  const read = (name: string) => readFile(new URL(name, directory), "utf8");
  const names = (await readdir(new URL("templates/", directory))).sort();
  const templates = names.map(async (name) => [name, await read(`templates/${name}`)] as const);
  return {
    metadata: parse(await read("Chart.yaml")) as JsonObject,
    values: parse(await read("values.yaml")) as JsonObject,
    templates: new Map(await Promise.all(templates)),
  };
}

/** The text of each template, except those with a leading underscore. @param values over the chart's own */
export function renderChart(
  chart: Chart,
  namespace: string,
  values: JsonObject,
): ReadonlyMap<string, string> {
  const parsed = new Map([...chart.templates].map(([name, text]) => [name, parseTemplate(text)] as const));
  const defined = new Map([...parsed.values()].flatMap((template) => [...template.defined]));
  const root: JsonObject = {
    Chart: Object.fromEntries(
      Object.entries(chart.metadata).map(([key, value]) => [key[0]?.toUpperCase() + key.slice(1), value]),
    ),
    Release: { Namespace: namespace, Name: "tweed" },
    Values: overlaid(chart.values, values),
  };
  const printed = [...parsed]
    .filter(([name]) => !name.startsWith("_"))
    .map(([name, { body }]) => {
      try {
        return [name, new Renderer(root, defined).print(body, root)] as const;
      } catch (cause) {
        throw new Error(`template ${name}: ${String(cause)}`, { cause });
      }
    });
  return new Map(printed);
}

/** Maps are merged, all other values are replaced, and null removes a default. */
export function overlaid(values: JsonObject, over: JsonObject): JsonObject {
  const all: Record<string, JsonValue> = { ...values };
  for (const [name, value] of Object.entries(over)) {
    const present = all[name];
    if (value === null) delete all[name];
    else all[name] = isJsonObject(value) && isJsonObject(present) ? overlaid(present, value) : value;
  }
  return all;
}

/** undefined is Go's nil: a missing field. */
type Value = JsonValue | undefined;
type Function = (args: readonly Value[]) => Value;

class Renderer {
  readonly #root: JsonObject;
  readonly #functions: ReadonlyMap<string, Function>;

  constructor(root: JsonObject, defined: ReadonlyMap<string, readonly Node[]>) {
    this.#root = root;
    const include: Function = ([name, dot]) => {
      const body = defined.get(String(name));
      if (body === undefined) throw new Error(`template ${name} is not defined`);
      return this.print(body, dot);
    };
    this.#functions = new Map([...FUNCTIONS, ["include", include]]);
  }

  print(nodes: readonly Node[], dot: Value): string {
    return nodes.map((node) => this.#printNode(node, dot)).join("");
  }

  #printNode(node: Node, dot: Value): string {
    if (node.kind === "text") return node.text;
    const value = this.#evaluate(node.pipeline, dot);
    if (node.kind === "print") return printed(value);
    if (!isTrue(value)) return this.print(node.otherwise, dot);
    if (node.kind === "if") return this.print(node.then, dot);
    if (node.kind === "with") return this.print(node.then, value);
    if (!Array.isArray(value)) throw new Error("range goes over lists only");
    return value.map((item: JsonValue) => this.print(node.then, item)).join("");
  }

  #evaluate(pipeline: Pipeline, dot: Value): Value {
    let value: Value;
    pipeline.forEach((command, index) => {
      value = this.#run(command, index === 0 ? [] : [value], dot);
    });
    return value;
  }

  #run([first, ...rest]: Command, piped: readonly Value[], dot: Value): Value {
    if (first?.kind !== "function") {
      if (first === undefined || rest.length + piped.length > 0)
        throw new Error("only functions take arguments");
      return this.#valueOf(first, dot);
    }
    const call = this.#functions.get(first.name);
    if (call === undefined) throw new Error(`function ${first.name} is not known here`);
    return call([...rest.map((operand) => this.#valueOf(operand, dot)), ...piped]);
  }

  #valueOf(operand: Operand, dot: Value): Value {
    switch (operand.kind) {
      case "literal":
        return operand.value;
      case "pipeline":
        return this.#evaluate(operand.pipeline, dot);
      case "function":
        return this.#run([operand], [], dot);
      case "field":
        return operand.path.reduce(fieldOf, operand.isOfRoot ? this.#root : dot);
    }
  }
}

function fieldOf(value: Value, name: string): Value {
  if (!isJsonObject(value)) throw new Error(`field ${name} is asked of ${JSON.stringify(value)}`);
  return value[name];
}

/** As in Go: false, 0, nil and empty values are not. */
function isTrue(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isJsonObject(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

function printed(value: Value): string {
  if (typeof value === "string") return value;
  throw new Error(`${JSON.stringify(value)} is printed as it is: use quote, toJson, toYaml or int`);
}

const FUNCTIONS: readonly (readonly [string, Function])[] = [
  // Numbers in values are floats, which Go would print as 1.6777215e+07.
  ["int", ([value]) => wholeNumber(value)],
  ["quote", ([value]) => JSON.stringify(String(value ?? ""))],
  ["toJson", ([value]) => JSON.stringify(value ?? null)],
  ["toYaml", ([value]) => stringify(value ?? null, { lineWidth: 0 }).trimEnd()],
  ["nindent", ([columns, text]) => `\n${String(text).replace(/^/gm, " ".repeat(Number(columns)))}`],
  ["default", ([fallback, value]) => (isTrue(value) ? value : fallback)],
  ["eq", ([one, other]) => one === other],
  ["not", ([value]) => !isTrue(value)],
  ["and", (values) => values.every(isTrue)],
];

function wholeNumber(value: Value): string {
  if (typeof value !== "number" || !Number.isInteger(value))
    throw new Error(`${JSON.stringify(value)} is no int`);
  return value.toFixed();
}
