/** Writes tools/wireshark/meshferry.lua: `pnpm wireshark`. */
import { writeFileSync } from 'node:fs';
import { DISSECTOR, dissector } from './dissector.ts';

writeFileSync(DISSECTOR, dissector());
