import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readNetworkDocument } from './read.ts';
import { writeNetworkDocument } from './write.ts';

interface Broken {
  readonly name: string;
  readonly base: string;
  readonly op: 'set' | 'remove';
  readonly path: string;
  readonly value?: unknown;
  readonly expected: { readonly error: string; readonly path: string };
}

const vector = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`./vectors/${name}`, import.meta.url), 'utf8'));
const { cases } = vector('invalid.json') as { readonly cases: readonly Broken[] };

function broken({ base, op, path, value }: Broken): unknown {
  const document = vector(base) as Record<string, unknown>;
  const steps = path.split('/').slice(1);
  const last = steps.pop() as string;
  let at = document;
  for (const step of steps) at = at[step] as Record<string, unknown>;
  if (op === 'set') at[last] = value;
  else delete at[last];
  return document;
}

describe('broken documents', () => {
  it('are 42', () => expect(cases).toHaveLength(42));
  it.each(cases)('$name: refused at $expected.path', (one) => {
    const read = readNetworkDocument(broken(one));
    expect(!read.ok && read.error.map(({ code, pointer }) => ({ error: code, path: pointer }))).toEqual([one.expected]);
  });
});

const samples = [
  'network-full.json',
  'network-partial-guest.json',
  'network-key-refresh.json',
  'bluez-style-1.0.0.json',
  'nrfmesh-1.0.0-house.json',
  'nrfmesh-1.0.0-local-node.json',
];

describe('sample documents', () => {
  it.each(samples)('%s is written as it came', (name) => {
    const read = readNetworkDocument(vector(name));
    if (!read.ok) throw new Error(JSON.stringify(read.error));
    expect(JSON.parse(writeNetworkDocument(read.value.document, { wrapped: true }))).toEqual(vector(name));
  });
});
