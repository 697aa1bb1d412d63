import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Whether tshark can be run here; said once when it cannot. */
export const hasTshark: boolean = spawnSync('tshark', ['--version']).status === 0;
if (!hasTshark) console.log('skipped: tshark is not installed, captures are not opened with it');

const DISSECTOR = fileURLToPath(new URL('../../../../tools/wireshark/meshferry.lua', import.meta.url));

/** The rows that tshark prints of a pcap, with the key tables of the folder and the dissector of tools/wireshark. */
export function tshark(pcap: string, tables: string, ...options: readonly string[]): string[][] {
  const text = execFileSync('tshark', ['-X', `lua_script:${DISSECTOR}`, '-2', '-r', pcap, ...options], {
    env: { ...process.env, WIRESHARK_CONFIG_DIR: tables },
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 256 * 1024 * 1024,
  });
  const lines = text.toString().split('\n');
  return lines.filter((line) => line !== '').map((line) => line.split('\t'));
}
