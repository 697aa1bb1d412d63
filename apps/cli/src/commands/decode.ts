import type { Command } from 'commander';
import { hearAir, keysOfAir } from '../capture/air.ts';
import { keysFileOf, knowledgeOf, readCaptureKeys } from '../capture/capture-keys.ts';
import { readCapture } from '../capture/capture-reader.ts';
import { Decoder } from '../capture/decoder.ts';
import { badInput, ExitCode } from '../shell/exit.ts';
import { secondsOption } from '../shell/options.ts';
import type { Runner } from '../shell/run.ts';
import type { Shell } from '../shell/shell.ts';

export function addDecodeCommand(program: Command, runner: Runner): void {
  program
    .command('decode')
    .description('recorded traffic down to named fields; live with --bearer')
    .argument('[CAPTURE]', 'a .jsonl, .jsonl.gz or .pcap as "capture" writes it')
    .option('--keys <FILE>', 'keys of the networks in it (default: CAPTURE with .keys.json for its ending)')
    .option('--seconds <N>', 'with --bearer: how long to listen; of a simulated network in its seconds', secondsOption)
    .addHelpText('after', EXAMPLES)
    .action(runner.of<DecodeFlags>(decode));
}

interface DecodeFlags {
  readonly keys?: string;
  readonly seconds?: number;
}

const EXAMPLES = `
Examples:
  meshferry decode update.jsonl.gz
  meshferry decode update.pcap --keys update.keys.json --json
  meshferry decode --bearer sim:targets=2

A line of a .jsonl may also be an attribute value on the link to a GATT proxy, "in" to it or "out" of it:
  {"t":3580120,"d":0,"gatt":"in","p":"02…"}
`;

/** `decode [CAPTURE]` */
async function decode(shell: Shell, [path]: readonly (string | undefined)[], flags: DecodeFlags): Promise<ExitCode> {
  if (path === undefined) return decodeLive(shell, flags);
  const keys = readCaptureKeys(shell.io, flags.keys ?? keysFileOf(path));
  const decoder = new Decoder(shell, knowledgeOf(keys));
  for (const { type, data, gatt, ...place } of readCapture(shell.io, path)) {
    if (gatt === undefined) decoder.hear(place, { type, data });
    else decoder.hearValue(place, gatt, data);
  }
  decoder.finish();
  return ExitCode.done;
}

async function decodeLive(shell: Shell, { keys, seconds }: DecodeFlags): Promise<ExitCode> {
  if (shell.bearers.length === 0) {
    throw badInput('no-capture', 'nothing to decode', 'Name a capture, or give --bearer sim:targets=2 to listen.');
  }
  let decoder: Decoder | undefined;
  await hearAir(shell, seconds, (session) => {
    const known = keys === undefined ? keysOfAir(session) : readCaptureKeys(shell.io, keys);
    const live = new Decoder(shell, knowledgeOf(known));
    decoder = live;
    let line = 0;
    return (event) => {
      const place = { line: ++line, t: event.t, d: event.device };
      if ('gatt' in event) live.hearValue(place, event.gatt, event.data);
      else live.hear(place, event);
    };
  });
  decoder?.finish();
  return ExitCode.done;
}
