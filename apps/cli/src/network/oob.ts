import { fromHex, MeshError } from '@meshferry/core';
import type { Answer, OobValue, ProvisionerOptions } from '@meshferry/provisioning';
import { badInput } from '../shell/exit.ts';
import { printable } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import type { Session } from './session.ts';

/** What the user knows of a device and has typed. */
export interface OobFlags {
  /** `none`, `static:HEX`, `publickey:HEX`, `output:VALUE`. */
  readonly oob?: readonly string[];
}

type OobOptions = Pick<ProvisionerOptions, 'oob' | 'authentication'>;

/** Reads the `--oob` options; what cannot be meant ends the command with exit code 2. */
export function readOob({ oob = [] }: OobFlags): OobOptions & { readonly output?: string } {
  let options: OobOptions & { readonly output?: string } = {};
  for (const text of oob) {
    const [kind = '', value = ''] = split(text);
    if (kind === 'none' && value === '') options = { ...options, authentication: { method: 'none' } };
    else if (kind === 'output' && value !== '') options = { ...options, output: value };
    else if (kind === 'static')
      options = { ...options, oob: { ...options.oob, staticValue: octets(text, value, [16, 32]) } };
    else if (kind === 'publickey')
      options = { ...options, oob: { ...options.oob, publicKey: octets(text, value, [64]) } };
    else throw badOob(text);
  }
  if (options.authentication !== undefined && oob.length > 1) {
    throw badInput(
      'bad-oob',
      '--oob none goes with no other --oob',
      'Leave one out: a device is authenticated or it is not.',
    );
  }
  return options;
}

/**
 * How the user is asked for what the device shows, and told what to enter there: at the terminal, by `--oob output:VALUE`, or
 * in a simulated world by whoever stands before the device.
 */
export function askUser(shell: Shell, session: Session, uuid: string, output: string | undefined): OobOptions['oob'] {
  const user = session.surroundings.user(fromHex(uuid.replaceAll('-', '')));
  const { ask } = shell.io;
  // It shows it before it is asked for.
  let display: string | undefined;
  user?.displays.subscribe(({ value }) => {
    display = String(value);
  });
  return {
    enter: (shown, answer) => {
      const how = `${shown.action}, up to ${shown.size} ${shown.action === 'alphanumeric' ? 'characters' : 'digits'}`;
      if (output !== undefined) return answered(answer, entered(output, shown.action));
      if (ask !== undefined && !shell.json) {
        if (display !== undefined) shell.say(`The device shows ${display}.`);
        const question = (): Promise<void> =>
          ask(`What does the device show (${how})? `).then((text) => {
            const wrong = answer(entered(text, shown.action));
            if (wrong !== undefined) complain(shell, wrong);
            return wrong === undefined ? undefined : question();
          });
        session.hold(question());
        return () => {};
      }
      if (user === undefined) throw nobodyToAsk();
      return user.enter(shown, answer);
    },
    show: (told) => {
      shell.event({ type: 'enter-at-device', uuid, action: told.action, value: String(told.value) });
      shell.say(`Enter ${String(told.value)} at the device (${told.action}).`);
      return user?.show(told) ?? (() => {});
    },
  };
}

function answered(answer: Answer, value: OobValue): () => void {
  const wrong = answer(value);
  if (wrong !== undefined) throw wrong;
  return () => {};
}

/** In the form that the device means: letters and digits, or a number. */
function entered(text: string, action: string): OobValue {
  const trimmed = text.trim().toUpperCase();
  return action !== 'alphanumeric' && /^\d+$/.test(trimmed) ? Number(trimmed) : trimmed;
}

function complain(shell: Shell, { message }: MeshError): void {
  shell.io.stderr.write(`${printable(message)}\n`);
}

function split(text: string): string[] {
  const at = text.indexOf(':');
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function octets(text: string, value: string, lengths: readonly number[]): Uint8Array {
  if (/^([0-9a-f]{2})+$/i.test(value) && lengths.includes(value.length / 2)) return fromHex(value.toLowerCase());
  throw badOob(text, `${lengths.map((length) => 2 * length).join(' or ')} hex digits`);
}

function badOob(text: string, digits?: string) {
  // What was typed may be a secret: only its kind is repeated.
  const [kind = ''] = split(text);
  return badInput(
    'bad-oob',
    digits === undefined ? `not a kind of OOB data: "${kind}"` : `the value of --oob ${kind}: is not ${digits}`,
    'Give none, static:HEX (16 or 32 octets), publickey:HEX (64 octets), or output:VALUE (what the device shows).',
  );
}

function nobodyToAsk(): MeshError {
  return new MeshError('nobody-to-ask', 'the device shows a value, and there is no terminal to ask for it', {
    hint: 'Give it with --oob output:VALUE, or choose another way with --oob.',
  });
}
