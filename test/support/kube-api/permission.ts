/** The permission that a request needs, as the API server passes it to authorizers, and the roles that have it. */
import { isSet } from "./list-options.ts";
import { Refusal } from "./refusal.ts";

/** A user with its RBAC permissions. */
export interface Role {
  readonly user: string;
  /** Each as {@link permissionFor} writes it. */
  readonly permissions: ReadonlySet<string>;
}

/** The user of a request without a token. */
export const ANONYMOUS: Role = { user: "system:anonymous", permissions: new Set() };

interface Asked {
  readonly verb: string;
  /** With the subresource, as `nodes/status`. */
  readonly resource: string;
  readonly namespace: string | null;
  readonly name: string | null;
}

const VERBS: Readonly<Record<string, string>> = {
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** As "patch nodes/status" or "create events in default". */
export function permissionFor(method: string, url: string): string {
  const { verb, resource, namespace } = asked(method, url);
  return `${verb} ${resource}${namespace === null ? "" : ` in ${namespace}`}`;
}

/** @returns the refusal; null when it is allowed */
export function forbiddenTo({ user, permissions }: Role, method: string, url: string): Refusal | null {
  if (permissions.has(permissionFor(method, url))) return null;
  const { verb, resource, namespace, name } = asked(method, url);
  const [kind = "", subresource] = resource.split("/");
  const where = namespace === null ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  const named = name === null ? kind : `${kind} ${JSON.stringify(name)}`;
  const what = subresource === undefined ? kind : resource;
  const message = `${named} is forbidden: User ${JSON.stringify(user)} cannot ${verb} resource ${JSON.stringify(what)} in API group "" ${where}`;
  return new Refusal(403, "Forbidden", message, { ...(name === null ? {} : { name }), kind });
}

function asked(method: string, url: string): Asked {
  const { pathname, searchParams } = new URL(url, "https://api");
  const [, namespace = null, resource = "", name = null, subresource] =
    /^\/api\/v1\/(?:namespaces\/([^/]+)\/)?([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(pathname) ?? [];
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  const read = isSet(searchParams, "watch") ? "watch" : name === null ? "list" : "get";
  return {
    verb: VERBS[method] ?? read,
    resource: what,
    namespace,
    name: name === null ? null : decodeURIComponent(name),
  };
}
