/**
 * Parses a Dockerfile into instructions. It refuses unsupported syntax with its line, so that the image built without
 * Docker cannot differ silently from the one that Docker builds.
 */
import { TweedError } from "../../../src/runtime/error.ts";

export type Instruction = FromInstruction | ArgInstruction | Step;

export interface FromInstruction {
  readonly kind: "from";
  readonly line: number;
  readonly image: string;
  readonly name: string | null;
}

export interface ArgInstruction {
  readonly kind: "arg";
  readonly line: number;
  readonly name: string;
  readonly value: string | null;
}

export type Step = { readonly line: number; readonly text: string } & (
  | { readonly kind: "workdir"; readonly path: string }
  | {
      readonly kind: "copy";
      readonly from: string | null;
      readonly sources: readonly string[];
      readonly target: string;
    }
  | { readonly kind: "run" | "entrypoint" | "cmd"; readonly command: readonly string[] }
  | { readonly kind: "label"; readonly labels: Readonly<Record<string, string>> }
  | { readonly kind: "stopsignal"; readonly signal: string }
);

/** @throws TweedError `bad-dockerfile` */
export function parseDockerfile(text: string): Instruction[] {
  // Only this directive changes how lines are parsed; the other ones name the parser.
  if (/^\s*#\s*escape\s*=/im.test(text)) throw fault(1, "another escape character is not supported");
  return logicalLines(text).map(({ line, text }) => {
    const [, name = "", rest = ""] = /^\s*(\S+)\s*(.*?)\s*$/s.exec(text) ?? [];
    const read = READERS[name.toUpperCase()];
    if (read === undefined) throw fault(line, `unknown instruction ${name}`);
    return read(rest, line);
  });
}

export function fault(line: number, reason: string): TweedError {
  return new TweedError({
    code: "bad-dockerfile",
    operation: "read the Dockerfile",
    reason: `line ${line}: ${reason}`,
  });
}

interface LogicalLine {
  /** The number of its first line, from 1. */
  readonly line: number;
  readonly text: string;
}

/** Removes comments and empty lines, also inside an instruction that a backslash continues. */
function logicalLines(text: string): LogicalLine[] {
  const lines: LogicalLine[] = [];
  let begun: LogicalLine | null = null;
  for (const [index, line] of text.split("\n").entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const [, content = ""] = /^(.*?)(?:\\\s*)?$/.exec(line) ?? [];
    const joined: LogicalLine = { line: begun?.line ?? index + 1, text: (begun?.text ?? "") + content };
    begun = /\\\s*$/.test(line) ? joined : null;
    if (begun === null) lines.push(joined);
  }
  if (begun !== null) throw fault(begun.line, "the file ends within the instruction");
  return lines;
}

const READERS: Readonly<Record<string, (rest: string, line: number) => Instruction>> = {
  FROM(rest, line) {
    const [, image, name] = /^([^\s-]\S*)(?:\s+AS\s+(\S+))?$/i.exec(rest) ?? [];
    if (image === undefined) throw fault(line, `not understood: FROM ${rest}`);
    return { kind: "from", line, image, name: name ?? null };
  },
  ARG(rest, line) {
    const [, name, value] = /^(\w+)(?:=([^\s"'$\\]*))?$/.exec(rest) ?? [];
    if (name === undefined) throw fault(line, `not understood: ARG ${rest}`);
    return { kind: "arg", line, name, value: value ?? null };
  },
  WORKDIR(rest, line) {
    const [path = ""] = plainWords("WORKDIR", rest, line, 1);
    return { kind: "workdir", line, text: `WORKDIR ${rest}`, path };
  },
  COPY(rest, line) {
    const [, from, paths = ""] = /^(?:--from=(\S+)\s+)?(.*)$/s.exec(rest) ?? [];
    const words = plainWords("COPY", paths, line);
    const target = words.at(-1) ?? "";
    const sources = words.slice(0, -1);
    if (sources.length === 0) throw fault(line, "COPY needs a source and a target");
    if (sources.length > 1 && !target.endsWith("/"))
      throw fault(line, "the target of several sources ends in /");
    return { kind: "copy", line, text: `COPY ${rest}`, from: from ?? null, sources, target };
  },
  RUN(rest, line) {
    if (/^--|<</.test(rest)) throw fault(line, "flags and here-documents of RUN are not supported");
    return { kind: "run", line, text: `RUN ${rest}`, command: commandOf(rest, line) };
  },
  LABEL(rest, line) {
    return { kind: "label", line, text: `LABEL ${rest}`, labels: labelsOf(rest, line) };
  },
  ENTRYPOINT(rest, line) {
    return { kind: "entrypoint", line, text: `ENTRYPOINT ${rest}`, command: commandOf(rest, line) };
  },
  CMD(rest, line) {
    return { kind: "cmd", line, text: `CMD ${rest}`, command: commandOf(rest, line) };
  },
  STOPSIGNAL(rest, line) {
    const [signal = ""] = plainWords("STOPSIGNAL", rest, line, 1);
    return { kind: "stopsignal", line, text: `STOPSIGNAL ${rest}`, signal };
  },
};

/** Words without quotes, wildcards, variables and flags. */
function plainWords(instruction: string, rest: string, line: number, count?: number): string[] {
  const words = rest.split(/\s+/).filter(Boolean);
  const odd = words.find((word) => /["'$*?[\]\\]|^--|<</.test(word));
  if (odd !== undefined) throw fault(line, `${instruction} does not support ${odd}`);
  if (count !== undefined && words.length !== count)
    throw fault(line, `${instruction} takes ${count} word, not ${words.length}`);
  return words;
}

/** A JSON array is the command; anything else is for the shell. */
function commandOf(rest: string, line: number): string[] {
  if (rest === "") throw fault(line, "a command is missing");
  if (!rest.startsWith("[")) return ["/bin/sh", "-c", rest];
  let words: unknown;
  try {
    words = JSON.parse(rest);
  } catch {
    words = null;
  }
  if (!Array.isArray(words) || !words.every((word): word is string => typeof word === "string"))
    throw fault(line, `not a JSON array of strings: ${rest}`);
  return words;
}

function labelsOf(rest: string, line: number): Record<string, string> {
  const labels: Record<string, string> = {};
  const leftOver = rest.replace(
    /(?<=^|\s)([\w./-]+)=(?:"([^"\\$]*)"|([^\s"'\\$]+))(?=\s|$)/g,
    (_, name: string, quoted: string | undefined, plain: string | undefined) => {
      labels[name] = quoted ?? plain ?? "";
      return "";
    },
  );
  if (leftOver.trim() !== "" || rest === "") throw fault(line, `not understood: LABEL ${leftOver.trim()}`);
  return labels;
}
