import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { messageNameViolations } from './message-names.ts';
import { packagesOf, sourcesOf, testFile } from './workspace.ts';

const folder = mkdtempSync(join(tmpdir(), 'meshferry-names-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('no message name stands outside the message declarations', () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const files = packagesOf(root)
    .flatMap((pkg) => sourcesOf(root, pkg))
    .filter((file) => !testFile.test(file));
  expect(files.length).toBeGreaterThan(300);
  expect(messageNameViolations(root, files)).toEqual([]);
});

it('a name that is repeated is found, a response is not', () => {
  write('a.ts', "export const Get = message({ name: 'Lamp Get', opcode: 1, response: 'Lamp Status', fields: {} });\n");
  write('b.ts', "export const Status = message({ name: 'Lamp Status', opcode: 2, fields: {} });\n");
  write('c.ts', "const shown = { name: 'Lamp Get' };\nlog(`Lamp Status`, 'Lamp Get of today');\n");
  expect(messageNameViolations(folder, ['a.ts', 'b.ts', 'c.ts'])).toEqual([
    'c.ts:1: names the message "Lamp Get", which its declaration does',
    'c.ts:2: names the message "Lamp Status", which its declaration does',
  ]);
});

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}
