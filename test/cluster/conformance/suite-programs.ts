/** The end-to-end suite of Kubernetes as a program, and its runner for several processes. */
import { goPrograms } from "../go-programs.ts";
import { versionStamp } from "../kubernetes-programs.ts";

/** Version in the module that pins both. */
export const SUITE_VERSION = "1.34";

export const SUITE = "e2e.test";
export const RUNNER = "ginkgo";

/** The directory of both, built once. @throws TweedError `go-missing`, `program-failed` */
export function suitePrograms(say: (line: string) => void): Promise<string> {
  return goPrograms(
    {
      module: "test/cluster/programs/conformance",
      packages: { [RUNNER]: "github.com/onsi/ginkgo/v2/ginkgo" },
      tests: { [SUITE]: "k8s.io/kubernetes/test/e2e" },
      variables: versionStamp(SUITE_VERSION),
    },
    say,
  );
}
