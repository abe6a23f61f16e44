import type { Lab } from "../../src/lab/lab.ts";
import type { LabNode } from "../../src/lab/topology.ts";

/** The node of this number, counted from 1. */
export function labNode(lab: Lab, number: number): LabNode {
  const node = lab.nodes[number - 1];
  if (node === undefined) throw new Error(`lab ${lab.spec.name} has no node ${number}`);
  return node;
}
