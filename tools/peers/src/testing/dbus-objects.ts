import { Message, type MessageBus, type Variant } from 'dbus-next';

/** A method that is exported: arguments as D-Bus has them, and the values it returns. */
export interface DbusMethod {
  /** Signature of what it returns; empty for nothing. */
  readonly out: string;
  // biome-ignore lint/suspicious/noExplicitAny: D-Bus arguments are what the signature of the caller says
  call(...args: any[]): readonly unknown[] | Promise<readonly unknown[]>;
}

/** An interface that is exported. */
export interface DbusInterface {
  readonly properties?: Readonly<Record<string, Variant>>;
  readonly methods?: Readonly<Record<string, DbusMethod>>;
}

/** Interfaces by name, by object path. */
export type DbusObjects = Readonly<Record<string, Readonly<Record<string, DbusInterface>>>>;

/**
 * Exports these objects. Unlike the exports of the library this one has an ObjectManager at the root, and answers
 * Properties.GetAll for interfaces without properties, both of which BlueZ wants.
 */
export function exportObjects(bus: MessageBus, objects: DbusObjects): void {
  bus.addMethodHandler((message: Message) => {
    const answer = answerTo(objects, message);
    if (answer === undefined) return false;
    void reply(bus, message, answer);
    return true;
  });
}

async function reply(bus: MessageBus, message: Message, { signature, body }: Answer): Promise<void> {
  try {
    const values = await body;
    bus.send(Message.newMethodReturn(message, signature, values.slice()));
  } catch (error) {
    // Its declaration asks for text where the message itself is meant.
    bus.send(Message.newError(message as never, 'org.bluez.mesh.Error.Failed', String(error)));
  }
}

interface Answer {
  readonly signature: string;
  readonly body: readonly unknown[] | Promise<readonly unknown[]>;
}

function answerTo(objects: DbusObjects, { interface: name, member, path, body }: Message): Answer | undefined {
  if (name === 'org.freedesktop.DBus.ObjectManager' && member === 'GetManagedObjects') {
    return { signature: 'a{oa{sa{sv}}}', body: [managedObjects(objects)] };
  }
  const interfaces = objects[path];
  if (interfaces === undefined) return undefined;
  if (name === 'org.freedesktop.DBus.Properties' && member === 'GetAll') {
    return { signature: 'a{sv}', body: [interfaces[body[0] as string]?.properties ?? {}] };
  }
  const method = interfaces[name]?.methods?.[member];
  return method && { signature: method.out, body: method.call(...body) };
}

function managedObjects(objects: DbusObjects): Record<string, Record<string, Record<string, Variant>>> {
  return Object.fromEntries(
    Object.entries(objects).map(([path, interfaces]) => [
      path,
      Object.fromEntries(Object.entries(interfaces).map(([name, { properties }]) => [name, properties ?? {}])),
    ]),
  );
}
