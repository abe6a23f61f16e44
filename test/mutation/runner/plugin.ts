import { declareClassPlugin, PluginKind } from "@stryker-mutator/api/plugin";
import { InProcessTestRunner } from "./in-process-runner.ts";

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, "in-process", InProcessTestRunner)];
