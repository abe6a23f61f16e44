/** The stages of a Dockerfile, with the names of their base images filled in. */
import { fault, type Instruction, type Step } from "./dockerfile.ts";

export interface Stage {
  readonly name: string | null;
  readonly base: string;
  readonly steps: readonly Step[];
}

/**
 * @param buildArguments override the defaults of ARG
 * @throws TweedError `bad-dockerfile`
 */
export function stagesOf(
  instructions: readonly Instruction[],
  buildArguments: Readonly<Record<string, string>> = {},
): Stage[] {
  const variables = new Map<string, string>();
  const stages: (Stage & { readonly steps: Step[] })[] = [];
  for (const instruction of instructions) {
    const { line } = instruction;
    const stage = stages.at(-1);
    if (instruction.kind === "from") {
      const base = expand(instruction.image, variables, line);
      if (stages.some((earlier) => earlier.name === base))
        throw fault(line, `a stage as base is not supported: ${base}`);
      stages.push({ name: instruction.name, base, steps: [] });
    } else if (instruction.kind === "arg") {
      if (stage !== undefined) throw fault(line, "ARG is supported before the first FROM only");
      const value = buildArguments[instruction.name] ?? instruction.value;
      if (value !== null) variables.set(instruction.name, value);
    } else {
      if (stage === undefined) throw fault(line, "an instruction stands before the first FROM");
      if (instruction.kind === "copy" && instruction.from !== null) {
        const isKnown = stages.slice(0, -1).some(({ name }) => name === instruction.from);
        if (!isKnown) throw fault(line, `no earlier stage is called ${instruction.from}`);
      }
      stage.steps.push(instruction);
    }
  }
  if (stages.length === 0) throw fault(1, "no stage: FROM is missing");
  return stages;
}

function expand(text: string, variables: ReadonlyMap<string, string>, line: number): string {
  const expanded = text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced?: string, bare?: string) => {
    const name = braced ?? bare ?? "";
    const value = variables.get(name);
    if (value === undefined) throw fault(line, `no value for ${name}`);
    return value;
  });
  if (expanded.includes("$")) throw fault(line, `not understood: ${text}`);
  return expanded;
}
