import type { Layout, Presence } from '@meshferry/access';
import type { LuaValue } from './lua.ts';

/** Octets left that are tried: from so many on it makes no difference. */
const REMAINING_MAX = 17;
const UNDEFINED = 'absent';

/**
 * When an optional field is there, for the Lua runtime: `least` octets must be left; and each case of `cases` is a set of
 * values of the fields before it, of which one must hold. The declaration says it as a function, so it is asked for all
 * values of the fields that it looks at. Throws when these are too many, or when the answer is of another form.
 */
export function presenceOf(where: string, present: Presence, soFar: Readonly<Record<string, Layout>>): LuaValue {
  const names = fieldsAsked(present, soFar);
  const yes = combinations(names, soFar).filter((values) => present(values, REMAINING_MAX));
  if (yes.length === 0) throw new Error(`${where} is never present`);
  const least = leastRemaining(where, present, yes);
  const cases = yes.map((values) => Object.fromEntries(names.map((name) => [name, luaValue(values[name])])));
  return { least, cases: names.length === 0 ? undefined : merged(cases) };
}

type Values = Readonly<Record<string, unknown>>;

/** The members that the function looks at, whatever it is told of them. */
function fieldsAsked(present: Presence, soFar: Readonly<Record<string, Layout>>): string[] {
  const asked = new Set<string>();
  const spy = new Proxy<Record<string, unknown>>({}, { get: (_, name) => void asked.add(String(name)) });
  for (const remaining of [0, REMAINING_MAX]) present(spy, remaining);
  // One that is looked at only when another has a certain value.
  for (const values of combinations([...asked], soFar)) {
    const get = (of: Values, name: string | symbol): unknown => {
      asked.add(String(name));
      return of[String(name)];
    };
    present(new Proxy(values, { get }), REMAINING_MAX);
  }
  return [...asked];
}

function combinations(names: readonly string[], soFar: Readonly<Record<string, Layout>>): Values[] {
  return names.reduce<Values[]>(
    (found, name) => found.flatMap((values) => valuesOf(name, soFar).map((value) => ({ ...values, [name]: value }))),
    [{}],
  );
}

function valuesOf(name: string, soFar: Readonly<Record<string, Layout>>): readonly unknown[] {
  const layout = soFar[name];
  if (layout === undefined) throw new Error(`there is no field ${name} before it`);
  switch (layout.kind) {
    case 'flag':
      return [false, true];
    case 'choice':
      return Object.keys(layout.names);
    case 'uint':
      if (layout.bits > 8) throw new Error(`${name} has too many values`);
      return Array.from({ length: layout.max - layout.min + 1 }, (_, i) => layout.min + i);
    case 'derived':
      return valuesOf(name, { [name]: layout.of });
    case 'optional':
      // Whether it is there at all.
      return [undefined, UNDEFINED];
    default:
      throw new Error(`${name} is a ${layout.kind}`);
  }
}

/** Fewest octets that must be left, the same in all cases. */
function leastRemaining(where: string, present: Presence, yes: readonly Values[]): number {
  const leasts = yes.map((values) => {
    for (let remaining = 0; remaining <= REMAINING_MAX; remaining++) if (present(values, remaining)) return remaining;
    return REMAINING_MAX;
  });
  const [least = 0] = leasts;
  if (leasts.some((other) => other !== least)) throw new Error(`${where}: the octets left count differently by case`);
  return least;
}

/** One field: the list of its values; several: a list of cases. */
function merged(cases: readonly Readonly<Record<string, LuaValue>>[]): LuaValue {
  const [first = {}] = cases;
  const [name, second] = Object.keys(first);
  if (name === undefined || second !== undefined) return cases;
  return [{ [name]: cases.map((values) => values[name]) }];
}

/** Of a field that may be missing only whether it is there is told. */
function luaValue(value: unknown): LuaValue {
  if (value === undefined) return false;
  return value === UNDEFINED ? true : (value as LuaValue);
}
