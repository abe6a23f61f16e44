import { TweedError } from "../../runtime/error.ts";
import { ERRNO, errnoError } from "../libc/errno.ts";
import { linkKindOf } from "../objects/kinds.ts";
import { describeOperation, kindOf } from "../objects/operation-kinds.ts";
import { type InterfaceIndex, NO_INDEX } from "../observed.ts";
import type { Operation, Outcome } from "../operation.ts";
import type { SysctlState, TunLink } from "../state.ts";
import { findLink } from "./lookup.ts";
import type { Request } from "./request.ts";
import type { RequestSocket } from "./request-socket.ts";

type SetLink = Extract<Operation, { readonly op: "set-link" }>;

/** The operations that are not netlink requests. Both act in the network namespace of the calling thread. */
export interface DirectEffects {
  /** @throws TweedError */
  createTun(link: TunLink): void;
  /** @throws TweedError */
  writeSysctl(sysctl: SysctlState): void;
}

/**
 * Applies operations in order. They are split into runs whose interface indexes are all known when the run starts:
 * creating a device ends a run, so that later operations can refer to the device.
 */
export async function applyOperations(
  socket: RequestSocket,
  effects: DirectEffects,
  operations: readonly Operation[],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let run: Operation[] = [];
  const finishRun = async () => {
    for (const outcome of await applyRun(socket, run)) outcomes.push(outcome);
    run = [];
  };
  for (const operation of operations) {
    if (operation.op === "write-sysctl") {
      await finishRun();
      outcomes.push(await writeSysctl(socket, effects, operation));
    } else if (operation.op === "create-link") {
      await finishRun();
      outcomes.push(await createLink(socket, effects, operation));
    } else if (operation.op === "set-link") {
      await finishRun();
      outcomes.push(await setLink(socket, operation));
    } else {
      run.push(operation);
    }
  }
  await finishRun();
  return outcomes;
}

/** Falls back to netlink where /proc/sys is read-only and netlink has the setting. */
async function writeSysctl(
  socket: RequestSocket,
  effects: DirectEffects,
  operation: Extract<Operation, { readonly op: "write-sysctl" }>,
): Promise<Outcome> {
  const refused = attempt(() => effects.writeSysctl(operation.sysctl));
  const device = refused?.code === "sysctl-read-only" ? kindOf(operation).deviceOf(operation) : null;
  if (device === null || (await findLink(socket, { name: device })) === null) return refused;
  return firstFailure(await applyRun(socket, [operation]));
}

async function createLink(
  socket: RequestSocket,
  effects: DirectEffects,
  operation: Extract<Operation, { readonly op: "create-link" }>,
): Promise<Outcome> {
  const { link } = operation;
  const { make } = linkKindOf(link);
  if (make === undefined) return firstFailure(await applyRun(socket, [operation]));
  const outcome = attempt(() => make(link, effects));
  return outcome ?? setLink(socket, { op: "set-link", name: link.name, mtuBytes: link.mtuBytes });
}

/** Sends two requests where device and tunnel settings change: the kernel refuses them in one ("Cannot change mtu"). */
async function setLink(socket: RequestSocket, operation: SetLink): Promise<Outcome> {
  const { op, name, settings, ...ofDevice } = operation;
  const parts: SetLink[] = [];
  if (settings !== undefined) parts.push({ op, name, settings });
  if (Object.keys(ofDevice).length > 0) parts.push({ op, name, ...ofDevice });
  return firstFailure(await applyRun(socket, parts));
}

function firstFailure(outcomes: readonly Outcome[]): Outcome {
  return outcomes.find((outcome) => outcome !== null) ?? null;
}

async function applyRun(socket: RequestSocket, operations: readonly Operation[]): Promise<Outcome[]> {
  const indexes = new Map<string, InterfaceIndex | null>();
  for (const name of new Set(operations.flatMap((each) => [deviceOf(each), otherDeviceOf(each)]))) {
    if (name !== null) indexes.set(name, (await findLink(socket, { name }))?.index ?? null);
  }
  const indexOf = (name: string | null) => (name === null ? NO_INDEX : (indexes.get(name) ?? null));

  const answers = (await socket.execute(requestsFor(operations, indexOf))).values();
  return operations.map((operation) => {
    const missing = [deviceOf(operation), otherDeviceOf(operation)].find((name) => indexOf(name) === null);
    return missing == null ? (answers.next().value ?? null) : withoutDevice(operation, missing);
  });
}

/** Generated as they are sent: ten thousand at once would block the main thread. */
function* requestsFor(
  operations: readonly Operation[],
  indexOf: (name: string | null) => InterfaceIndex | null,
): Generator<Request> {
  for (const operation of operations) {
    const index = indexOf(deviceOf(operation));
    const otherIndex = indexOf(otherDeviceOf(operation));
    if (index !== null && otherIndex !== null) yield kindOf(operation).encode(operation, index, otherIndex);
  }
}

function deviceOf(operation: Operation): string | null {
  return kindOf(operation).deviceOf(operation);
}

function otherDeviceOf(operation: Operation): string | null {
  return kindOf(operation).otherDeviceOf(operation);
}

/** The objects of a deleted device are deleted with it. */
function withoutDevice(operation: Operation, name: string): Outcome {
  if (operation.op.startsWith("delete-")) return null;
  return errnoError(describeOperation(operation), ERRNO.ENODEV, `no device ${name}`);
}

function attempt(effect: () => void): Outcome {
  try {
    effect();
    return null;
  } catch (error) {
    if (error instanceof TweedError) return error;
    throw error;
  }
}
