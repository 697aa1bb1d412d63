import { resolve } from 'node:path';
import type { Command } from 'commander';
import { hearAir, keysOfAir } from '../capture/air.ts';
import { CaptureWriter } from '../capture/capture-writer.ts';
import type { Traffic } from '../network/session.ts';
import { badInput, ExitCode } from '../shell/exit.ts';
import { plural } from '../shell/format.ts';
import { secondsOption } from '../shell/options.ts';
import type { Runner } from '../shell/run.ts';
import type { Shell } from '../shell/shell.ts';

export function addCaptureCommand(program: Command, runner: Runner): void {
  program
    .command('capture')
    .description('record what a bearer hears; a simulated network updates its targets meanwhile')
    .requiredOption('--out <FILE>', '.pcap for Wireshark, .jsonl or .jsonl.gz for "decode"')
    .option(
      '--seconds <N>',
      'how long (default: until Ctrl-C; of a simulated network in its seconds, until the update is over)',
      secondsOption,
    )
    .addHelpText('after', EXAMPLES)
    .action(runner.of<CaptureFlags>(capture));
}

interface CaptureFlags {
  readonly out: string;
  readonly seconds?: number;
}

const EXAMPLES = `
Examples:
  meshferry capture --bearer sim:targets=2 --out update.jsonl.gz
  meshferry capture --bearer sim:targets=2 --out update.pcap --seconds 10

The keys are written beside it: update.keys.json, and for Wireshark the tables in the folder update.wireshark:
  WIRESHARK_CONFIG_DIR=update.wireshark tshark -2 -r update.pcap
`;

/** `capture --out FILE` */
async function capture(shell: Shell, _: readonly string[], { out, seconds }: CaptureFlags): Promise<ExitCode> {
  if (shell.bearers.length === 0) {
    throw badInput(
      'no-bearer',
      'no bearer given: what shall be recorded?',
      'Try a simulated one: --bearer sim:targets=2',
    );
  }
  let writer: CaptureWriter | undefined;
  try {
    let traffic: Traffic | undefined;
    const heardSeconds = await hearAir(shell, seconds, (session) => {
      traffic = session.traffic;
      if (!traffic.isOnAir && out.endsWith('.pcap')) {
        throw badInput(
          'no-pcap',
          'a .pcap holds advertising, and this radio hears a proxy',
          'Name a .jsonl or .jsonl.gz.',
        );
      }
      const file = new CaptureWriter(resolve(shell.io.cwd, out), keysOfAir(session));
      writer = file;
      return (event) => file.add(event);
    });
    report(shell, writer, heardSeconds, traffic?.duration(heardSeconds) ?? '');
  } finally {
    writer?.close();
  }
  return ExitCode.done;
}

function report(shell: Shell, writer: CaptureWriter | undefined, simulatedSeconds: number, duration: string): void {
  if (writer === undefined) return;
  const { path, keyFiles, events } = writer;
  shell.result({ file: path, keyFiles, events, simulatedSeconds });
  shell.say(`${plural(events, 'advertising event')} in ${duration}`);
  for (const file of [path, ...keyFiles]) shell.say(`  ${file}`);
}
