/**
 * The types of a kubeconfig's fields, checked before the client library reads it: that reports a wrong one as a fault of
 * its own code, and what is no list as an empty one. Errors name the field and never show a value, which may be a secret.
 */
import * as v from "valibot";

const string = v.string("expected a string");
/** In client-go an absent value is an empty one. */
const optionalString = v.nullish(string);
const flag = v.nullish(v.boolean("expected true or false"));
const named = <Entries extends v.ObjectEntries>(entries: Entries) =>
  v.looseObject({ name: string, ...entries }, "expected a mapping with a name");
const list = <Item extends v.GenericSchema>(item: Item) => v.nullish(v.array(item, "expected a list"), []);
const mapping = <Entries extends v.ObjectEntries>(entries: Entries) =>
  v.looseObject(entries, "expected a mapping");

const KUBECONFIG = mapping({
  clusters: list(
    named({
      cluster: mapping({
        server: v.pipe(string, v.url("expected a URL, such as https://192.0.2.1:6443")),
        "certificate-authority": optionalString,
        "certificate-authority-data": optionalString,
        "insecure-skip-tls-verify": flag,
        "tls-server-name": optionalString,
        "proxy-url": optionalString,
      }),
    }),
  ),
  users: list(
    named({
      user: v.nullish(
        mapping({
          token: optionalString,
          tokenFile: optionalString,
          username: optionalString,
          password: optionalString,
          "client-certificate": optionalString,
          "client-certificate-data": optionalString,
          "client-key": optionalString,
          "client-key-data": optionalString,
        }),
      ),
    }),
  ),
  contexts: list(named({ context: mapping({ cluster: string, user: optionalString }) })),
  "current-context": optionalString,
});

export type KubeconfigShape = v.InferOutput<typeof KUBECONFIG>;

/**
 * @param value parsed YAML
 * @throws Error that names the first wrong field, or the name that is referred to and not there
 */
export function readKubeconfigShape(value: unknown): KubeconfigShape {
  const result = v.safeParse(KUBECONFIG, value, { abortEarly: true });
  if (!result.success) throw new Error(faultText(result.issues[0]));
  const { clusters, users, contexts, "current-context": current } = result.output;
  const context = contexts.find(({ name }) => name === current)?.context;
  if (context === undefined) throw new Error("current-context: expected the name of one of contexts");
  if (!clusters.some(({ name }) => name === context.cluster))
    throw new Error("the current context's cluster: expected the name of one of clusters");
  // As client-go: requests without credentials are not what was meant.
  if ((context.user ?? "") !== "" && !users.some(({ name }) => name === context.user))
    throw new Error("the current context's user: expected the name of one of users");
  return result.output;
}

function faultText({ path, received, message }: v.BaseIssue<unknown>): string {
  const place = (path ?? []).map(({ type, key }) => (type === "array" ? `[${key}]` : `.${key}`)).join("");
  const field = place.replace(/^\./, "");
  return received === "undefined" ? `${field} is missing` : `${field}: ${message}`;
}
