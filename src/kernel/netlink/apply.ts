import { TweedError } from "../../runtime/error.ts";
import { ERRNO, errnoError } from "../libc/errno.ts";
import type { InterfaceIndex } from "../observed.ts";
import type { Operation, Outcome } from "../operation.ts";
import type { SysctlState, TunLink } from "../state.ts";
import { deviceSetting, encodeDeviceSetting } from "./device-settings.ts";
import { RTM_LINK } from "./link.ts";
import { findLink } from "./lookup.ts";
import {
  bareDeviceOf,
  describe,
  deviceOf,
  isDeletion,
  type NetlinkOperation,
  NO_DEVICE,
  requestOf,
} from "./operation-request.ts";
import { MODE, type Request } from "./request.ts";
import type { RequestSocket } from "./request-socket.ts";

type SetLink = Extract<Operation, { readonly op: "set-link" }>;

/** The operations that are no netlink requests. Both act in the network namespace of the calling thread. */
export interface DirectEffects {
  /** @throws TweedError */
  createTun(link: TunLink): void;
  /** @throws TweedError */
  writeSysctl(sysctl: SysctlState): void;
}

/**
 * Carries operations out in order. They are cut into runs that need no index which is not known when the run
 * begins: making a device ends one, so that what follows can name the device.
 */
export async function applyOperations(
  socket: RequestSocket,
  effects: DirectEffects,
  operations: readonly Operation[],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let run: NetlinkOperation[] = [];
  const finishRun = async () => {
    for (const outcome of await applyRun(socket, run)) outcomes.push(outcome);
    run = [];
  };
  for (const operation of operations) {
    if (operation.op === "write-sysctl") {
      await finishRun();
      outcomes.push(await writeSysctl(socket, effects, operation.sysctl));
    } else if (operation.op === "create-link") {
      await finishRun();
      outcomes.push(await createLink(socket, effects, operation.link));
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

/** By netlink where /proc/sys is read-only and netlink can. */
async function writeSysctl(
  socket: RequestSocket,
  effects: DirectEffects,
  sysctl: SysctlState,
): Promise<Outcome> {
  const refused = attempt(() => effects.writeSysctl(sysctl));
  const setting = refused?.code === "sysctl-read-only" ? deviceSetting(sysctl) : null;
  if (setting === null) return refused;
  const index = (await findLink(socket, { name: setting.device }))?.index ?? null;
  if (index === null) return refused;
  const request: Request = {
    operation: describe({ op: "write-sysctl", sysctl }),
    type: RTM_LINK.new,
    flags: MODE.change,
    body: encodeDeviceSetting(setting, index),
    doneErrnos: [],
  };
  return firstFailure(await socket.execute([request]));
}

async function createLink(
  socket: RequestSocket,
  effects: DirectEffects,
  link: Extract<Operation, { readonly op: "create-link" }>["link"],
): Promise<Outcome> {
  if (link.kind === "vxlan") return firstFailure(await applyRun(socket, [{ op: "create-link", link }]));
  const outcome = attempt(() => effects.createTun(link));
  return outcome ?? setLink(socket, { op: "set-link", name: link.name, mtuBytes: link.mtuBytes });
}

/** In two requests where device and tunnel change: together the kernel refuses them ("Cannot change mtu"). */
async function setLink(socket: RequestSocket, operation: SetLink): Promise<Outcome> {
  const { op, name, learning, local, ...ofDevice } = operation;
  const ofTunnel = {
    ...(learning === undefined ? {} : { learning }),
    ...(local === undefined ? {} : { local }),
  };
  const parts = [ofTunnel, ofDevice].filter((part) => Object.keys(part).length > 0);
  return firstFailure(
    await applyRun(
      socket,
      parts.map((part) => ({ op, name, ...part })),
    ),
  );
}

function firstFailure(outcomes: readonly Outcome[]): Outcome {
  return outcomes.find((outcome) => outcome !== null) ?? null;
}

async function applyRun(socket: RequestSocket, operations: readonly NetlinkOperation[]): Promise<Outcome[]> {
  const indexes = new Map<string, InterfaceIndex | null>();
  for (const name of new Set(operations.flatMap((each) => [deviceOf(each), bareDeviceOf(each)]))) {
    if (name !== null) indexes.set(name, (await findLink(socket, { name }))?.index ?? null);
  }
  const indexOf = (name: string | null) => (name === null ? NO_DEVICE : (indexes.get(name) ?? null));

  const answers = (await socket.execute(requestsFor(operations, indexOf))).values();
  return operations.map((operation) => {
    const missing = [deviceOf(operation), bareDeviceOf(operation)].find((name) => indexOf(name) === null);
    return missing == null ? (answers.next().value ?? null) : withoutDevice(operation, missing);
  });
}

/** Made one by one as they are sent: ten thousand at once would hold the main thread. */
function* requestsFor(
  operations: readonly NetlinkOperation[],
  indexOf: (name: string | null) => InterfaceIndex | null,
): Generator<Request> {
  for (const operation of operations) {
    const index = indexOf(deviceOf(operation));
    const bareIndex = indexOf(bareDeviceOf(operation));
    if (index !== null && bareIndex !== null) yield requestOf(operation, index, bareIndex);
  }
}

/** What was on a device that is gone is gone. */
function withoutDevice(operation: NetlinkOperation, name: string): Outcome {
  if (isDeletion(operation)) return null;
  return errnoError(describe(operation), ERRNO.ENODEV, `no device ${name}`);
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
