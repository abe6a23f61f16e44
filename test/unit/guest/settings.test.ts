import { expect, test } from "vitest";
import { run } from "../../../src/runtime/program.ts";
import { settingsScript } from "../../guest/initramfs.ts";

test("a shell has the settings as they were given, whatever is in them", async () => {
  const command = ["node", "-e", `console.log("it's $HOME")`, "", "a\nb", "*"];
  const script = settingsScript(
    { modulesDirectory: "/cache/it's here/lib/modules" },
    { directory: "/a b", modules: ["tun", "vxlan"], environment: { PATH: "/bin:/x y" }, command },
  );
  const print = `printf '%s\\0' "$directory" "$modules_directory" "$modules" "$@"`;
  const printed = await run("sh", ["-s"], { input: script + print });
  expect(printed.split("\0").slice(0, -1)).toEqual([
    "/a b",
    "/cache/it's here/lib/modules",
    "tun vxlan",
    "PATH=/bin:/x y",
    ...command,
  ]);
});
