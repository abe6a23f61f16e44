/** Evaluates requests by a ValidatingAdmissionPolicy as the API server does, with another CEL implementation. */
import { type CelInput, run } from "@bufbuild/cel";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/runtime/json.ts";

export interface AdmissionRequest {
  readonly userInfo: {
    readonly username: string;
    readonly groups?: readonly string[];
    /** The API server omits it when empty. */
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
  readonly object: JsonObject;
  readonly oldObject: JsonObject;
}

interface Expression {
  readonly name: string;
  readonly expression: string;
}

export interface PolicySpec {
  readonly failurePolicy: string;
  readonly matchConditions: readonly Expression[];
  readonly variables: readonly Expression[];
  readonly validations: readonly { readonly expression: string; readonly message: string }[];
}

/** The messages of the validations that fail; null when the policy does not match the request. */
export function refusals(
  policy: PolicySpec,
  { object, oldObject, ...request }: AdmissionRequest,
): string[] | null {
  const bindings = celMap({ object, oldObject, request: request as unknown as JsonObject });
  const evaluate = (expression: string, variables: ReadonlyMap<string, CelInput>): CelInput => {
    const result = run(expression, { ...Object.fromEntries(bindings), variables } as Record<
      string,
      CelInput
    >);
    // With failurePolicy Fail the API server treats an error as a refusal; here it is a fault of the policy.
    if (result instanceof Error) throw new Error(`${expression}: ${result.message}`);
    return result as CelInput;
  };
  const isMeant = policy.matchConditions.every(({ expression }) => evaluate(expression, new Map()) === true);
  if (!isMeant) return null;
  const variables = new Map<string, CelInput>();
  for (const { name, expression } of policy.variables) variables.set(name, evaluate(expression, variables));
  return policy.validations
    .filter(({ expression }) => evaluate(expression, variables) !== true)
    .map(({ message }) => message);
}

/** The API server passes integers as CEL `int`, which is `bigint` here. */
function celInput(value: JsonValue): CelInput {
  if (Array.isArray(value)) return value.map(celInput);
  if (isJsonObject(value)) return celMap(value);
  return typeof value === "number" && Number.isInteger(value) ? BigInt(value) : (value as CelInput);
}

function celMap(object: JsonObject): Map<string, CelInput> {
  return new Map(Object.entries(object).map(([name, value]) => [name, celInput(value)]));
}
