import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '@meshferry/cli';

/** How `meshferry dfu run` ends in a simulated network: its exit code and the last line that it prints as JSON. */
export async function updateByCommand(
  zip: Uint8Array,
  bearer: string,
): Promise<{
  readonly exit: number;
  readonly targets: readonly { readonly phase: string; readonly error: unknown }[];
}> {
  const folder = mkdtempSync(join(tmpdir(), 'conformance-'));
  let stdout = '';
  try {
    writeFileSync(join(folder, 'firmware.zip'), zip);
    const exit = await main(['dfu', 'run', 'firmware.zip', '--bearer', bearer, '--json'], {
      stdout: {
        write: (text) => {
          stdout += text;
        },
      },
      stderr: { write: () => {} },
      env: {},
      isTTY: false,
      columns: 80,
      cwd: folder,
      signals: { listen: () => () => {} },
      now: () => performance.now(),
      wallTime: () => Date.now(),
    });
    const { targets } = JSON.parse(stdout.trim().split('\n').at(-1) as string);
    return { exit, targets };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
