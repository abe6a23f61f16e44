import { describe, expect, it } from "vitest";
import { type Instruction, parseDockerfile } from "../../cluster/images/dockerfile.ts";
import { settingsOf } from "../../cluster/images/image-config.ts";
import { stagesOf } from "../../cluster/images/stages.ts";
import { readDocument } from "../../support/markdown.ts";

/** Without the text that only progress shows. */
const parsed = (text: string) =>
  parseDockerfile(text).map((instruction) => {
    const { text: _, ...rest } = instruction as Instruction & { readonly text?: string };
    return rest;
  });

describe("a Dockerfile", () => {
  it("is read as one instruction a line, continued by a backslash", () => {
    const text = `# syntax=docker/dockerfile:1
ARG BASE=debian:trixie-slim

FROM \${BASE} AS build
RUN one \\
 # a comment within
 && for x in a b; do \\
   echo "$x"; \\
 done
COPY --from=build a/b c/
LABEL a.b="c d" \\
      e=f
CMD ["run", "it"]
`;
    expect(parsed(text)).toEqual([
      { kind: "arg", line: 2, name: "BASE", value: "debian:trixie-slim" },
      { kind: "from", line: 4, image: `\${BASE}`, name: "build" },
      {
        kind: "run",
        line: 5,
        command: ["/bin/sh", "-c", 'one  && for x in a b; do    echo "$x";  done'],
      },
      { kind: "copy", line: 10, from: "build", sources: ["a/b"], target: "c/" },
      { kind: "label", line: 11, labels: { "a.b": "c d", e: "f" } },
      { kind: "cmd", line: 13, command: ["run", "it"] },
    ]);
  });

  it.each([
    ["HEALTHCHECK CMD true", 2, "unknown instruction HEALTHCHECK"],
    ["ADD a b", 2, "unknown instruction ADD"],
    ["RUN --mount=type=cache,target=/x true", 2, "flags"],
    ["RUN <<EOF", 2, "here-documents"],
    ["COPY --chown=1 a b", 2, "--chown=1"],
    ["COPY *.json /", 2, "*.json"],
    ["COPY $name /", 2, "$name"],
    ["COPY a b c", 2, "ends in /"],
    ["COPY a", 2, "a source and a target"],
    ["CMD [1]", 2, "JSON"],
    ["ENTRYPOINT ['a']", 2, "JSON"],
    ["LABEL a", 2, "LABEL a"],
    ["LABEL a=$b", 2, "LABEL a=$b"],
    ["FROM --platform=linux/arm64 x", 2, "FROM"],
    ["RUN true \\\n # and no more \\", 2, "the file ends"],
    ["\n# escape=`", 1, "escape"],
  ])("with %j is refused with the line", (line, number, reason) => {
    const refusal = `line ${number}: `;
    expect(() => parseDockerfile(`FROM scratch\n${line}`)).toThrow(refusal);
    expect(() => parseDockerfile(`FROM scratch\n${line}`)).toThrow(reason);
  });
});

describe("its stages", () => {
  const stages = (text: string, given?: Record<string, string>) => stagesOf(parseDockerfile(text), given);

  it("have their bases from arguments, given or by default", () => {
    const text = `ARG BASE=debian:trixie\nFROM $BASE AS a\nFROM \${BASE}-slim`;
    expect(stages(text).map(({ name, base }) => [name, base])).toEqual([
      ["a", "debian:trixie"],
      [null, "debian:trixie-slim"],
    ]);
    expect(stages(text, { BASE: "scratch" })[0]?.base).toBe("scratch");
  });

  it.each([
    ["RUN true", "before the first FROM"],
    ["FROM $A", "no value for A"],
    ["FROM a\nARG B", "before the first FROM only"],
    ["FROM a AS b\nFROM b", "a stage as base"],
    ["FROM a AS b\nCOPY --from=b x y", "no earlier stage is called b"],
    [`FROM \${A:-b}`, "not understood"],
    ["# nothing", "FROM is missing"],
  ])("in %j are refused", (text, reason) => {
    expect(() => stages(text)).toThrow(reason);
  });
});

describe("the project's Dockerfile", async () => {
  const stages = stagesOf(parseDockerfile(await readDocument("Dockerfile")));

  it("is understood whole: a stage that builds, and the image", () => {
    expect(stages.map(({ name, base }) => [name, base])).toEqual([
      ["build", expect.stringMatching(/^node:\d+-[a-z]+-slim$/)],
      [null, expect.stringMatching(/^node:\d+-[a-z]+-slim$/)],
    ]);
  });

  it("says what the image is started with", () => {
    expect(settingsOf(stages.at(-1)?.steps ?? [])).toMatchObject({
      Entrypoint: ["/usr/local/bin/tweed"],
      Cmd: ["run"],
      StopSignal: "SIGTERM",
      Labels: { "org.opencontainers.image.title": "Tweed" },
    });
  });
});

describe("the Dockerfiles of the tests' own images", () => {
  it.each(["agnhost", "coredns", "network-policies", "pause"])("%s is understood", async (name) => {
    const text = await readDocument(`test/cluster/images/${name}/Dockerfile`);
    expect(stagesOf(parseDockerfile(text))).toHaveLength(1);
  });
});
