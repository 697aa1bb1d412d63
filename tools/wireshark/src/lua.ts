/** A value that can be written in Lua. */
export type LuaValue =
  | string
  | number
  | boolean
  | undefined
  | readonly LuaValue[]
  | { readonly [key: string]: LuaValue };

const IDENTIFIER = /^[A-Za-z_]\w*$/;

/** A Lua expression, on one line; members that are undefined are left out. */
export function luaOf(value: LuaValue): string {
  if (typeof value === 'string') return `"${value.replace(/["\\]/g, '\\$&')}"`;
  if (typeof value !== 'object') return String(value ?? 'nil');
  if (Array.isArray(value)) return braces((value as readonly LuaValue[]).map(luaOf));
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return braces(members.map(([key, member]) => `${IDENTIFIER.test(key) ? key : `[${luaOf(key)}]`} = ${luaOf(member)}`));
}

function braces(parts: readonly string[]): string {
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`;
}
