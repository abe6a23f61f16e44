/**
 * Builds `dist/`: a bundled file each for the daemon and the commands of its host, for lab, demo and benchmark, and for the
 * threads of the UDP data plane. Native code stays in packages.
 */
import { existsSync } from "node:fs";
import { chmod, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import protobuf from "protobufjs";
import { buildAssembly } from "./backends/udp/build-assembly.mjs";

const require = createRequire(import.meta.url);

const { version } = JSON.parse(await readFile(new URL("package.json", import.meta.url), "utf8"));

/**
 * etcd3 parses its .proto file at every start, from a path beside its own code. In the bundle the parsed form
 * takes its place: one file less to ship, and some 30 ms less to start.
 */
const inlineEtcdProtocol = {
  name: "inline-etcd-protocol",
  setup({ onLoad }) {
    onLoad({ filter: /etcd3\/lib\/connection-pool\.js$/ }, async ({ path }) => {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a template in the source that is searched
      const call = "proto_loader_1.loadSync)(`${__dirname}/../proto/rpc.proto`,";
      const source = await readFile(path, "utf8");
      if (!source.includes(call))
        throw new Error(`${path} no longer loads its protocol as this build expects`);
      const file = require.resolve("etcd3/proto/rpc.proto");
      const protocol = new protobuf.Root().loadSync(file, { keepCase: true }).toJSON();
      const contents = source.replace(call, `proto_loader_1.fromJSON)(${JSON.stringify(protocol)},`);
      return { contents, loader: "js" };
    });
  },
};

/** The bundled library hands its protocol to a smaller reader; the file tells what that saves. */
const readEtcdServices = {
  name: "read-etcd-services",
  setup({ onResolve }) {
    onResolve({ filter: /^@grpc\/proto-loader$/ }, ({ importer }) => {
      if (!importer.includes("/etcd3/")) return undefined;
      return { path: fileURLToPath(new URL("src/lease/etcd/service-definitions.ts", import.meta.url)) };
    });
  },
};

/**
 * Of the Kubernetes client the daemon takes kubeconfig and credentials, and makes its requests itself. So the
 * generated API is left out, half a megabyte that would be read at every start, and an implementation of fetch that
 * Node has had for long.
 */
const trimKubernetesClient = {
  name: "trim-kubernetes-client",
  setup({ onResolve, onLoad }) {
    const inPlaceOf = {
      "./gen/index.js": "export const createConfiguration = null, ServerConfiguration = null;",
      "node-fetch": "export const { Headers } = globalThis;",
    };
    onResolve({ filter: /^(?:\.\/gen\/index\.js|node-fetch)$/ }, ({ path, importer }) =>
      importer.endsWith("@kubernetes/client-node/dist/config.js") ? { path, namespace: "trimmed" } : null,
    );
    onLoad({ filter: /./, namespace: "trimmed" }, ({ path }) => ({ contents: inPlaceOf[path] }));
  },
};

/**
 * Of gRPC the daemon is a client, and takes no service config from DNS (`grpc.service_config_disable_resolution`). So
 * its server is left out, and with it the load balancers that only such a config chooses and the reader of .proto files,
 * which only channelz and ORCA call.
 */
const trimGrpc = {
  name: "trim-grpc",
  setup({ onResolve, onLoad }) {
    const exportsOf = {
      "./server": "",
      "./server-credentials": "",
      "./server-interceptors": "",
      "./orca": "",
      "./load-balancer-outlier-detection": "exports.setup = () => {};",
      "./load-balancer-weighted-round-robin": "exports.setup = () => {};",
      "@grpc/proto-loader": "",
    };
    onResolve({ filter: /^(?:\.|@grpc)\/[a-z-]+$/ }, ({ path, importer }) =>
      importer.includes("/@grpc/grpc-js/build/") && Object.hasOwn(exportsOf, path)
        ? { path, namespace: "trimmed-grpc" }
        : undefined,
    );
    onLoad({ filter: /./, namespace: "trimmed-grpc" }, ({ path }) => ({ contents: exportsOf[path] }));
  },
};

await buildAssembly({ ifStale: true });
const fastPath = await readFile(new URL("dist/fast-path.wasm", import.meta.url), "base64");

const bundle = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: true,
  sourcesContent: false,
  legalComments: "none",
  // Native code is loaded from node_modules at run time.
  external: ["koffi", "raw-socket"],
  logLevel: "warning",
};

/** Commands that no daemon runs, in a file that the program loads from its own directory when one of them is called. */
const labCommands = "src/cli/lab-commands.ts";
const loadLabFromBeside = {
  name: "load-lab-from-beside",
  setup({ onResolve }) {
    onResolve({ filter: /\/lab-commands\.ts$/ }, ({ kind }) =>
      kind === "dynamic-import" ? { path: "./tweed-lab.cjs", external: true } : undefined,
    );
  },
};

const program = {
  ...bundle,
  define: { TWEED_VERSION: JSON.stringify(version), TWEED_FAST_PATH: JSON.stringify(fastPath) },
  plugins: [inlineEtcdProtocol, readEtcdServices, trimGrpc, trimKubernetesClient, loadLabFromBeside],
};
await build({
  ...program,
  entryPoints: ["src/main.ts"],
  outfile: "dist/tweed.cjs",
  banner: { js: "#!/usr/bin/env node" },
});
await build({ ...program, entryPoints: [labCommands], outfile: "dist/tweed-lab.cjs" });
// The threads of the UDP data plane: so small that one starts in half the time that the whole program takes.
await build({ ...bundle, entryPoints: ["backends/udp/worker.ts"], outfile: "dist/udp-worker.cjs" });
// The API servers of `tweed lab --store kubernetes` and of the benchmark, which only a source tree with its tests has.
const kubeApi = "test/support/kube-api";
if (existsSync(kubeApi)) {
  const entryPoints = {
    "lab-kube-api": `${kubeApi}/lab-server.ts`,
    "bench-kube-api": `${kubeApi}/many-nodes-server.ts`,
  };
  const format = { format: "esm", packages: "external", outExtension: { ".js": ".mjs" } };
  await build({ ...bundle, ...format, entryPoints, outdir: "dist" });
}
await chmod("dist/tweed.cjs", 0o755);
