import { type Command, Option } from 'commander';
import { companyId, coreType, firmwareVersion, metadataHex, octet, secondsOption, uint32 } from '../shell/options.ts';
import type { Runner } from '../shell/run.ts';
import { type CheckFlags, fwCheck } from './fw-check.ts';
import { type FetchFlags, fwFetch } from './fw-fetch.ts';
import { fwInspect, type InspectFlags } from './fw-inspect.ts';
import { fwMake, type MakeFlags } from './fw-make.ts';
import {
  allowedHost,
  dependencyOption,
  eachFile,
  firmwareIdHex,
  hashName,
  headerSizeOption,
  securityCounterOption,
  sizeInOctets,
  tcpPort,
} from './fw-options.ts';
import { fwServe, type ServeFlags } from './fw-serve.ts';
import { fwVerify, type VerifyFlags } from './fw-verify.ts';

export function addFwCommands(program: Command, runner: Runner): void {
  const fw = program
    .command('fw')
    .description('look into firmware files, check them, make them; ask servers for newer ones, serve them');
  fw.command('inspect')
    .description('what is in a package (.zip), an MCUboot image (.bin) or an Intel HEX')
    .argument('<FILE>', 'the file')
    .option('--metadata-file <NAME>', 'which mesh metadata of a package with several are meant')
    .option('--hex-address <ADDRESS>', HEX_ADDRESS, uint32)
    .addHelpText('after', '\nExample:\n  meshferry fw inspect dfu_application.zip\n')
    .action(runner.of<InspectFlags>(fwInspect));
  fw.command('verify')
    .description('check hash and signature of every image')
    .argument('<FILE>', 'package, MCUboot image or Intel HEX')
    .requiredOption(
      '--key <PEM>',
      'public key that every image must be signed for; repeatable: by one of them',
      eachFile,
    )
    .option('--hex-address <ADDRESS>', HEX_ADDRESS, uint32)
    .addHelpText('after', VERIFY_HELP)
    .action(runner.of<VerifyFlags>(fwVerify));
  withSigningOptions(fw.command('make'))
    .description('make an update package: MCUboot header, hash, signature, mesh metadata')
    .argument('<RAW>', 'the raw application (.bin or .hex), or an image that is signed already')
    .requiredOption('--image-version <VERSION>', 'such as 1.2.3+4', firmwareVersion)
    .requiredOption('--out <FILE>', 'the package to write: .zip, .tar.gz (firmware archive) or .bin (the image alone)')
    .addOption(
      new Option('--company <ID>', 'company identifier of the firmware id')
        .argParser(companyId)
        .default(0x0059, '0x0059'),
    )
    .addOption(
      new Option('--core <CORE>', 'app, net, blob or a sum such as app+net').argParser(coreType).default(1, 'app'),
    )
    .option('--composition <FILE>', 'composition data after the update, JSON as in ble_mesh_metadata.json')
    .option('--user-data <HEX>', 'octets behind the metadata', metadataHex)
    .option('--metadata <HEX>', 'send these metadata instead (.tar.gz only)', metadataHex)
    .option('--fwid <HEX>', 'with this Firmware ID (.tar.gz only)', firmwareIdHex)
    .option(
      '--image-index <N>',
      'number of the image on the device (default: 1 for the network core alone, else 0)',
      octet,
    )
    .option('--board <NAME>', 'board that it is built for, for the manifest')
    .option('--soc <NAME>', 'chip that it is built for, for the manifest')
    .addHelpText('after', MAKE_HELP)
    .action(runner.of<MakeFlags>(fwMake));
  withServerOptions(fw.command('check'))
    .description('ask the maker whether there is newer firmware')
    .option('--chain', 'list every update to the newest, where they must be applied one after the other')
    .addHelpText('after', CHECK_HELP)
    .action(runner.of<CheckFlags>(fwCheck));
  withServerOptions(fw.command('fetch'))
    .description('fetch newer firmware from the maker: a file for "dfu run"')
    .requiredOption('--out <FILE>', 'the file to write')
    .option('--key <PEM>', 'take only an image that is signed for this public key; repeatable: one of them', eachFile)
    .option('--max-size <OCTETS>', 'take no larger archive, such as 512k or 16M (default: 64M)', sizeInOctets)
    .addHelpText('after', FETCH_HELP)
    .action(runner.of<FetchFlags>(fwFetch));
  fw.command('serve')
    .description('serve the packages of a folder as a maker does, until Ctrl-C')
    .argument('<DIR>', 'folder with packages; each subfolder is a product with a URI of its own')
    .option('--host <ADDRESS>', 'address to listen on', '127.0.0.1')
    .option('--port <N>', 'port to listen on, 0 for any free one', tcpPort, 8443)
    .option('--cert <PEM>', 'certificate (chain), for https')
    .option('--key <PEM>', 'its private key')
    .option('--self-signed <FILE>', 'make a certificate for --host and write it here, for --ca of "fw check"')
    .option('--allow-http', 'serve http to other machines too: for trials')
    .addHelpText('after', SERVE_HELP)
    .action(runner.of<ServeFlags>(fwServe));
}

function withSigningOptions(command: Command): Command {
  return command
    .option(
      '--key <PEM>',
      'private key: ECDSA P-256 or P-384, Ed25519, RSA 2048 or 3072 (default: a demo key that everybody has)',
    )
    .option('--unsigned', 'sign with no key: the image holds its hash only')
    .option('--hash <NAME>', 'sha256, sha384 or sha512 (default: the usual one of the key)', hashName)
    .option('--pure', 'with an Ed25519 key: sign the image itself instead of its hash')
    .option('--security-counter <N>', 'a number of 32 bits, or auto: made of the version', securityCounterOption)
    .option('--depends <IMAGE:VERSION>', 'needs that image, such as 1:1.2.0; repeatable', dependencyOption)
    .option('--header-size <OCTETS>', 'as the bootloader expects it, 32 to 65535', headerSizeOption, 512);
}

function withServerOptions(command: Command): Command {
  return command
    .argument('<URI>', 'the Update URI that the device reports, such as https://fw.example.com/lamp')
    .requiredOption('--fwid <HEX>', 'the Firmware ID that the device reports, see "dfu targets"', firmwareIdHex)
    .option(
      '--allow-host <HOST>',
      'ask no other host, redirects included: NAME, NAME:PORT or *.NAME; repeatable',
      allowedHost,
    )
    .option('--allow-http', 'ask hosts over http too: anybody on the way can exchange the firmware')
    .option('--ca <PEM>', 'certificate to trust beside the usual ones')
    .option(
      '--timeout <SECONDS>',
      'give up after so long (default: 600; after 30 without data in any case)',
      secondsOption,
    );
}

const HEX_ADDRESS = 'which image of an Intel HEX with several is meant, such as 0xc000';

const VERIFY_HELP = `
Examples:
  meshferry fw verify dfu_application.zip --key release.pub.pem
  meshferry fw verify two-cores.zip --key app.pub.pem --key net.pub.pem

Ends with 0 when every image is sound and signed by one of the keys, with 1 when one is not, with 2 for a file that is no
firmware. Keys: RSA 2048 or 3072, ECDSA P-256 or P-384, Ed25519, in PEM; of a private key its public half.
`;

const MAKE_HELP = `
Examples:
  meshferry fw make zephyr.bin --image-version 1.2.3+4 --out update.zip
  meshferry fw make zephyr.hex --image-version 2.0.0 --key release.pem --composition composition.json --out lamp.tar.gz

An image that is signed already is packed as it is: --image-version must then be that of its header.
`;

const CHECK_HELP = `
Example:
  meshferry fw check https://fw.example.com/lamp --fwid 59000100000000000000

Ends with 0 whether there is newer firmware or not ("newer" is null with --json), with 1 when the server cannot be asked.
`;

const FETCH_HELP = `
Example:
  meshferry fw fetch https://fw.example.com/lamp --fwid 59000100000000000000 --out lamp.tar.gz

The Firmware ID and size are compared with the offer; checksums, hashes and the signatures of known keys are checked, with --key
the image must be signed for it.
`;

const SERVE_HELP = `
Examples:
  meshferry fw serve ./releases
  meshferry fw serve ./releases --host 192.0.2.7 --self-signed archive.pem
  meshferry fw check https://192.0.2.7:8443 --fwid 59000100000000000000 --ca archive.pem

A device gets the newest package of its company that is newer than what it runs, as a Firmware Archive.
`;
