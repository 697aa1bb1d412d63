import { formatAddress, toHex } from '@meshferry/core';
import {
  ANY_NODE,
  type Observed,
  type ObservedBeacon,
  type ObservedControl,
  type ObservedMessage,
  type ObservedNetwork,
  type ObservedPdu,
} from '@meshferry/node';
import { nameConfiguration, nameControl, nameIdentity, nameMessage } from './named-message.ts';
import type { ObservedAdvertising, ObservedConfiguration, ObservedProxy } from './proxy-observer.ts';

type Members = Readonly<Record<string, unknown>>;

/** What `decode --json` says of an advertisement [design/interfaces.md, Captures]. */
export function observedJson(observed: Observed | ObservedProxy): Members {
  switch (observed.kind) {
    case 'network':
      return networkJson(observed);
    case 'beacon':
      return beaconJson(observed);
    case 'provisioning': {
      const { kind, pdu, linkId, transaction, provisioningType, error } = observed;
      return present({ kind, pdu, linkId: linkId && hexNumber(linkId, 8), transaction, provisioningType }, error);
    }
    case 'proxy':
      if ('identity' in observed) return advertisingJson(observed);
      if ('configuration' in observed) return configurationJson(observed);
      return present({ kind: 'proxy' }, 'error' in observed ? observed.error : undefined);
    default:
      return present({ kind: observed.kind }, undefined);
  }
}

function networkJson({ pdu, duplicate, passedOn, message, control, error }: ObservedNetwork): Members {
  return present(
    {
      kind: 'network',
      ...(pdu && pduJson(pdu)),
      duplicate: duplicate || undefined,
      passedOn: passedOn || undefined,
      message: message && messageJson(message),
      control: control && controlJson(control),
    },
    error,
  );
}

function pduJson(pdu: ObservedPdu): Members {
  const { netIndex, ivIndex, credentials, friendship, src, dst, seq, ttl, ctl, segment } = pdu;
  return {
    net: netIndex,
    ivIndex,
    cred: credentials,
    friendship: friendship && {
      lpn: formatAddress(friendship.lpnAddress),
      friend: formatAddress(friendship.friendAddress),
    },
    src: formatAddress(src),
    dst: formatAddress(dst),
    seq,
    ttl,
    ctl,
    segment,
  };
}

function messageJson(message: ObservedMessage): Members {
  const { seq, label, micOctets, segments, payload } = message;
  const { opcode, name, fields, malformed } = nameMessage(message);
  const shape = { label: label && toHex(label), segs: segments };
  return {
    seq,
    key: keyText(message),
    mic: micOctets,
    ...shape,
    payload: toHex(payload),
    opcode,
    name,
    fields,
    malformed,
  };
}

function controlJson(control: ObservedControl): Members {
  const { opcode, name, fields, malformed } = nameControl(control);
  const { seq, segments, parameters } = control;
  return { seq, opcode, name, segs: segments, payload: toHex(parameters), fields, malformed };
}

function advertisingJson({ kind, identity, netIndex, node, error }: ObservedAdvertising): Members {
  const { name, fields } = identity === undefined ? { name: null, fields: null } : nameIdentity(identity);
  const advertising = identity && { type: identity.type, name, fields };
  return present({ kind, net: netIndex, node: node && formatAddress(node), advertising }, error);
}

function configurationJson(observed: ObservedConfiguration): Members {
  const { kind, netIndex, ivIndex, src, seq, payload, error } = observed;
  if (payload === undefined) return present({ kind }, error);
  const { opcode, name, fields } = nameConfiguration(observed);
  const configuration = { opcode, name, payload: toHex(payload), fields };
  return present({ kind, net: netIndex, ivIndex, src: src && formatAddress(src), seq, configuration }, error);
}

function beaconJson({ kind, beacon, netIndex, flags, ivIndex, device, error }: ObservedBeacon): Members {
  const described = device && {
    uuid: toHex(device.uuid),
    oob: hexNumber(device.oobInformation, 4),
    uri: device.uriHash && toHex(device.uriHash),
  };
  return present({ kind, beacon, net: netIndex, flags, ivIndex, ...described }, error);
}

/** `app0`, `dev:0x0005`, or `dev` for a device key that may be any node's. */
export function keyText({ key }: ObservedMessage): string {
  if (key.kind === 'app') return `app${key.index}`;
  return key.node === ANY_NODE ? 'dev' : `dev:${formatAddress(key.node)}`;
}

/** Members that are undefined do not appear; `error` always does. */
function present(members: Members, error: string | undefined): Members {
  return { ...members, error: error ?? null };
}

function hexNumber(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
