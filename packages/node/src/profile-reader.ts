import { fromHex, MeshError } from '@meshferry/core';

/** A value in a profile and where it stands. What does not fit is thrown as `bad-profile`. */
export class ProfileReader {
  readonly value: unknown;
  /** JSON pointer, empty for the whole. */
  readonly pointer: string;

  constructor(value: unknown, pointer = '') {
    this.value = value;
    this.pointer = pointer;
  }

  /** It must be an object with no other members than these. */
  members(known: readonly string[]): void {
    const unknown = Object.keys(this.#object()).find((name) => !known.includes(name));
    if (unknown === undefined) return;
    throw badProfile(`${this.pointer}/${unknown}`, 'is not known', `Known here: ${known.join(', ')}.`);
  }

  member(name: string): ProfileReader {
    const object = this.#object();
    if (Object.hasOwn(object, name)) return new ProfileReader(object[name], `${this.pointer}/${name}`);
    throw badProfile(`${this.pointer}/${name}`, 'is missing');
  }

  /** The member as one of a new object; nothing when it is absent. */
  optional<K extends string, T>(name: K, read: (member: ProfileReader) => T): { readonly [P in K]?: T } {
    if (!Object.hasOwn(this.#object(), name)) return {};
    return { [name]: read(this.member(name)) } as { readonly [P in K]?: T };
  }

  withDefault<K extends string, T>(name: K, initial: T, read: (member: ProfileReader) => T): { readonly [P in K]: T } {
    const value = Object.hasOwn(this.#object(), name) ? read(this.member(name)) : initial;
    return { [name]: value } as { readonly [P in K]: T };
  }

  items(): ProfileReader[] {
    if (!Array.isArray(this.value)) throw this.#not('a list');
    return this.value.map((item: unknown, i) => new ProfileReader(item, `${this.pointer}/${i}`));
  }

  boolean(): boolean {
    if (typeof this.value === 'boolean') return this.value;
    throw this.#not('true or false');
  }

  /** A number, or text that is one. `allowed` says in words what `accepts` takes. */
  integer(
    least: number,
    most: number,
    accepts = (_: number): boolean => true,
    allowed = `${least} to ${most}`,
  ): number {
    const value = numberOf(this.value);
    if (Number.isInteger(value) && value >= least && value <= most && accepts(value)) return value;
    throw this.#not(allowed);
  }

  /** A SIG model of up to four digits, a vendor's of eight. */
  modelId(): number {
    const { value } = this;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) return value;
    const digits = typeof value === 'string' ? /^(?:0x)?([0-9a-f]{4}|[0-9a-f]{8})$/i.exec(value) : null;
    if (digits !== null) return Number.parseInt(digits[1] as string, 16);
    throw this.#not('a model such as "0x1402", or a vendor\'s such as "0x00590001"');
  }

  /** An address (text is hexadecimal, as in a network document), or a Label UUID; `kind` says in words what `accepts` takes. */
  destination(accepts: (address: number) => boolean, kind: string): number | Uint8Array {
    const text = typeof this.value === 'string' ? this.value.replaceAll('-', '') : '';
    if (/^[0-9a-f]{32}$/i.test(text)) return fromHex(text.toLowerCase());
    const address = /^(?:0x)?[0-9a-f]{1,4}$/i.test(text) ? Number.parseInt(text, 16) : this.value;
    if (typeof address === 'number' && Number.isInteger(address) && address <= 0xffff && accepts(address))
      return address;
    throw this.#not(`${kind} address such as "0xC000", or a Label UUID`);
  }

  #object(): Record<string, unknown> {
    const { value } = this;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw this.#not('an object');
  }

  #not(allowed: string): MeshError {
    return badProfile(this.pointer, `${shown(this.value)} is not ${allowed}`);
  }
}

/** What is wrong with the member at a JSON pointer. */
export function badProfile(
  pointer: string,
  what: string,
  hint = 'The form of profiles: "meshferry node config --help".',
): MeshError {
  return new MeshError('bad-profile', `profile ${pointer === '' ? 'as a whole' : pointer}: ${what}`, { hint });
}

function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^(0x[0-9a-f]+|\d+)$/i.test(value) ? Number(value) : Number.NaN;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}
