/** The end-to-end suite of Kubernetes as a program, and the one that runs it in several processes. */
import { goPrograms } from "../go-programs.ts";
import { versionStamp } from "../kubernetes-programs.ts";

/** Of the module that pins both. */
export const SUITE_VERSION = "1.34";

export const SUITE = "e2e.test";
export const RUNNER = "ginkgo";

/** The directory that holds them, built once. @throws TweedError `go-missing`, `program-failed` */
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
