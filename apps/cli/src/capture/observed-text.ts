import { formatAddress, toHex } from '@meshferry/core';
import type { Observed, ObservedBeacon, ObservedNetwork } from '@meshferry/node';
import type { Style } from '../shell/style.ts';
import {
  type FieldValue,
  type NamedMessage,
  nameConfiguration,
  nameControl,
  nameIdentity,
  nameMessage,
} from './named-message.ts';
import { keyText } from './observed-json.ts';
import type { ObservedAdvertising, ObservedConfiguration, ObservedProxy } from './proxy-observer.ts';

/** Characters of a value before it is cut. */
const VALUE_MAX = 48;

/**
 * What `decode` says of an advertisement: one line for each message, beacon and error, none for repetitions, for segments
 * before the last one, and for what is no mesh traffic.
 */
export function observedText(observed: Observed | ObservedProxy, style: Style): string | undefined {
  switch (observed.kind) {
    case 'network':
      return networkText(observed, style);
    case 'beacon':
      return `${style.dim('beacon')} ${beaconText(observed, style)}`;
    case 'provisioning': {
      const { linkId, pdu, transaction, error } = observed;
      if (error !== undefined) return style.red(`provisioning ${error}`);
      const link =
        linkId === undefined ? '' : ` link ${linkId.toString(16).padStart(8, '0')} transaction ${transaction}`;
      return style.dim(`provisioning ${pdu}${link}`);
    }
    case 'proxy':
      if ('identity' in observed) return advertisingText(observed, style);
      if ('configuration' in observed) return configurationText(observed, style);
      return 'error' in observed && observed.error !== undefined ? style.red(`proxy ${observed.error}`) : undefined;
    default:
      return undefined;
  }
}

function networkText({ pdu, message, control, error }: ObservedNetwork, style: Style): string | undefined {
  if (pdu === undefined) return style.red(`network PDU: ${error}`);
  const way = `${formatAddress(pdu.src)} → ${formatAddress(pdu.dst)}`;
  const friend = pdu.credentials === 'flooding' ? '' : ` ${style.dim(pdu.credentials)}`;
  if (error !== undefined) return `${way}${friend}  ${style.red(`${error} (SEQ ${pdu.seq}, IV Index ${pdu.ivIndex})`)}`;
  if (message !== undefined) {
    const text = namedText(nameMessage(message), toHex(message.payload), style);
    return `${way}${friend}  ${text} ${style.dim(keyText(message))}`;
  }
  if (control !== undefined) {
    return `${way}${friend}  ${namedText(nameControl(control), toHex(control.parameters), style)} ${style.dim('control')}`;
  }
  return undefined;
}

function advertisingText({ identity, netIndex, node, error }: ObservedAdvertising, style: Style): string {
  if (identity === undefined) return style.red(`proxy advertising ${error}`);
  const whose = node === undefined ? `net=${netIndex ?? '?'}` : formatAddress(node);
  return `${style.dim('proxy')} ${namedText(nameIdentity(identity), '', style)}  ${whose}`;
}

function configurationText(observed: ObservedConfiguration, style: Style): string {
  const { src, payload, error } = observed;
  if (src === undefined || payload === undefined) return style.red(`proxy configuration: ${error}`);
  return `${formatAddress(src)}  ${namedText(nameConfiguration(observed), toHex(payload), style)} ${style.dim('proxy')}`;
}

function namedText({ opcode, name, fields, malformed }: NamedMessage, payload: string, style: Style): string {
  const title = style.bold(name ?? `opcode ${opcode}`);
  if (malformed !== undefined) return `${title}  ${style.red(malformed)}  ${cut(payload)}`;
  if (fields === null) return `${title}  ${cut(payload)}`;
  return [title, ...Object.entries(fields).map(([field, value]) => `${field}=${valueText(value)}`)].join('  ');
}

function valueText(value: FieldValue): string {
  if (Array.isArray(value)) return cut(`[${value.map(valueText).join(' ')}]`);
  if (typeof value === 'object') {
    return `{${Object.entries(value)
      .map(([name, member]) => `${name}=${valueText(member)}`)
      .join(' ')}}`;
  }
  return cut(String(value));
}

function beaconText({ beacon, netIndex, flags, ivIndex, device, error }: ObservedBeacon, style: Style): string {
  const kind = beacon ?? 'unknown';
  if (device !== undefined) {
    const hash = device.uriHash === undefined ? '' : `  uri=${toHex(device.uriHash)}`;
    return `${kind}  uuid=${toHex(device.uuid)}  oob=${device.oobInformation.toString(16).padStart(4, '0')}${hash}`;
  }
  if (error !== undefined) return `${kind}  ${style.red(error)}`;
  return `${kind}  net=${netIndex}  flags=${flags}  ivIndex=${ivIndex}`;
}

function cut(text: string): string {
  return text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}… (${text.length} characters)` : text;
}
