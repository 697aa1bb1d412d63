import { type MessageType, Model, message, rest } from '@meshferry/access';

/** A vendor message of company 0x05F1 whose parameters are the tests' own. */
export const Echo: MessageType<{ readonly data: Uint8Array }> = message({
  name: 'Echo',
  opcode: 0xc1f105,
  source: 'these tests',
  fields: { data: rest({ max: 377 }) },
});

/** SIG model of the daemon's applications that takes any message: Generic OnOff Server. */
export const SERVER = 0x1000;
/** And the one that sends: Generic OnOff Client. */
export const CLIENT = 0x1001;
/** Vendor model of company 0x05F1. */
export const VENDOR = 0x05f1_0001;

/** The octets of an Echo, `length` in all (3 or more), as an access message. */
export function echo(length: number): { readonly value: { readonly data: Uint8Array }; readonly octets: Uint8Array } {
  const data = Uint8Array.from({ length: length - 3 }, (_, i) => (i * 7 + length) & 0xff);
  return { value: { data }, octets: Uint8Array.of(0xc1, 0xf1, 0x05, ...data) };
}

/** A model and the Echos that it got, oldest first. */
export interface EchoModel {
  readonly model: Model;
  readonly heard: { readonly src: number; readonly dst: number; readonly data: Uint8Array }[];
}

/** A model that keeps the Echos it gets. */
export function echoModel(id: number): EchoModel {
  const model = new Model({ id, name: 'Echo' });
  model.publishes(() => {}); // also periodically, but nothing by itself
  const heard: { src: number; dst: number; data: Uint8Array }[] = [];
  model.handle(Echo, ({ data }, { src, dst }) => heard.push({ src, dst, data }));
  return { model, heard };
}
