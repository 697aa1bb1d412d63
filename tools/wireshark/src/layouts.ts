import type { Layout } from '@meshferry/access';
import type { LuaValue } from './lua.ts';
import { presenceOf } from './presence.ts';

/** The fields of a message for the Lua runtime, from its declaration. Throws for a layout that it cannot show. */
export function luaFields(message: string, layout: Layout): LuaValue {
  if (layout.kind !== 'struct') throw new Error(`${message} is no struct`);
  const soFar: Record<string, Layout> = {};
  return Object.entries(layout.fields).map(([name, field]) => {
    const shape = luaField(`${message}: ${name}`, field, soFar);
    soFar[name] = field;
    return { name, ...(shape as object) };
  });
}

/** `where` is for errors, `soFar` the fields before this one, which decide whether it is there. */
function luaField(where: string, layout: Layout, soFar: Readonly<Record<string, Layout>>): LuaValue {
  switch (layout.kind) {
    case 'uint':
    case 'int':
    case 'rfu':
    case 'prohibited':
      return { kind: layout.kind, bits: layout.bits };
    case 'u64':
    case 'u7or15':
    case 'flag':
    case 'keyIndexes':
      return { kind: layout.kind };
    case 'uintBy':
      return { kind: 'uintBy', octets: layout.octets };
    case 'choice':
      return {
        kind: 'choice',
        bits: layout.bits,
        names: Object.entries(layout.names).map(([name, value]) => ({ name, value })),
      };
    case 'octets':
      return { kind: 'octets', ...lengthOf(layout.length) };
    case 'text':
      return { kind: 'text' };
    case 'list':
      return {
        kind: 'list',
        of: luaField(where, layout.of, soFar),
        count: layout.count === 'rest' ? undefined : layout.count.field,
      };
    case 'struct':
      return { kind: 'struct', fields: luaFields(where, layout) };
    case 'sized':
      return { kind: 'sized', prefix: luaField(where, layout.prefix, soFar), of: luaField(where, layout.of, soFar) };
    case 'derived':
      return luaField(where, layout.of, soFar);
    case 'padded':
      return { kind: 'padded', of: luaField(where, layout.of, soFar), bits: layout.bits };
    case 'modelId':
      return { kind: 'modelId', of: layout.of };
    case 'optional':
      return {
        kind: 'optional',
        of: luaField(where, layout.of, soFar),
        present: presenceOf(where, layout.present, soFar),
      };
    case 'custom':
      return layout.of === undefined ? { kind: 'octets' } : luaField(where, layout.of, soFar);
  }
}

/** Neither: to the end of the message. */
function lengthOf(length: Extract<Layout, { kind: 'octets' }>['length']): { readonly [key: string]: LuaValue } {
  if (typeof length === 'number') return { length };
  if (length === 'rest') return {};
  return length === 'u8' ? { sized: true } : { by: length.field };
}
