/**
 * gRPC service definitions of etcd, from a protocol in protobufjs' JSON form. In the bundle it replaces etcd3's
 * `@grpc/proto-loader`, which also describes each of a hundred message types for reflection: 30 ms of every
 * start and 3 MB that are never used.
 */
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import protobuf from "protobufjs/light.js";

/** Conversion of messages to plain objects: etcd3 asks for 64-bit numbers and enumerations as strings. */
export type MessageOptions = protobuf.IConversionOptions;

type Message = Record<string, unknown>;

/** The name that etcd3 calls. @returns services by their full name, such as "etcdserverpb.KV" */
export function fromJSON(
  protocol: protobuf.INamespace,
  options: MessageOptions,
): Record<string, ServiceDefinition> {
  const root = protobuf.Root.fromJSON(protocol);
  root.resolveAll();
  return Object.fromEntries(
    servicesOf(root).map((service) => [service.fullName.slice(1), defineService(service, options)]),
  );
}

function servicesOf(namespace: protobuf.NamespaceBase): protobuf.Service[] {
  return namespace.nestedArray.flatMap((member) => {
    if (member instanceof protobuf.Service) return [member];
    return member instanceof protobuf.Namespace ? servicesOf(member) : [];
  });
}

function defineService(service: protobuf.Service, options: MessageOptions): ServiceDefinition {
  return Object.fromEntries(
    service.methodsArray.map((method) => [method.name, defineMethod(service, method, options)]),
  );
}

function defineMethod(
  service: protobuf.Service,
  method: protobuf.Method,
  options: MessageOptions,
): MethodDefinition<Message, Message> {
  const { name, resolvedRequestType: request, resolvedResponseType: response } = method;
  if (request === null || response === null) throw new Error(`${method.fullName} was not resolved`);
  return {
    path: `/${service.fullName.slice(1)}/${name}`,
    originalName: camelCase(name),
    requestStream: method.requestStream ?? false,
    responseStream: method.responseStream ?? false,
    requestSerialize: serializer(request),
    requestDeserialize: deserializer(request, options),
    responseSerialize: serializer(response),
    responseDeserialize: deserializer(response, options),
  };
}

/** "LeaseGrant" gives "leaseGrant", "HashKV" gives "hashKv". */
function camelCase(name: string): string {
  const words = name.replace(/(?<=[A-Z])[A-Z]+/g, (capitals) => capitals.toLowerCase());
  return words.slice(0, 1).toLowerCase() + words.slice(1);
}

// protobufjs generates code for a type at its first use; most of etcd's are never used.

function serializer(type: protobuf.Type): (message: Message) => Buffer {
  return (message) => Buffer.from(type.encode(type.fromObject(message)).finish());
}

function deserializer(type: protobuf.Type, options: MessageOptions): (bytes: Buffer) => Message {
  return (bytes) => type.toObject(type.decode(bytes), options);
}
