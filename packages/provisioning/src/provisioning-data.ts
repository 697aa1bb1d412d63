import { fail, isUnicast, MeshError, type NetIndex, ok, type Result, type Unicast } from '@meshferry/core';
import type { ProvisioningErrorName } from './error-code.ts';

/** What a new node gets from its Provisioner [Mesh Protocol 1.1, 5.4.2.5]. */
export interface ProvisioningData {
  /** 16 octets; with `keyRefresh` the new one. */
  readonly netKey: Uint8Array;
  readonly netKeyIndex: NetIndex;
  /** Key Refresh Flag: the subnet is in phase 2. */
  readonly keyRefresh: boolean;
  /** IV Update Flag: the network is in the state IV Update in Progress. */
  readonly ivUpdate: boolean;
  /** 32 bits: the current one. */
  readonly ivIndex: number;
  /** Address of the first element; the others follow it. */
  readonly unicastAddress: Unicast;
}

/** Octets of Provisioning Data before encryption. */
const DATA_OCTETS = 25;
const KEY_REFRESH = 0x01;
const IV_UPDATE = 0x02;
const UNICAST_MAX = 0x7fff;
const KEY_INDEX_MAX = 0xfff;

/** The 25 octets before encryption. Throws `bad-field` for what no node could take. */
export function encodeProvisioningData(data: ProvisioningData): Uint8Array {
  const { netKey, netKeyIndex, keyRefresh, ivUpdate, ivIndex, unicastAddress } = data;
  if (netKey.length !== 16) throw badField('NetKey', `${netKey.length} octets`, '16 octets');
  if (!(netKeyIndex >= 0 && netKeyIndex <= KEY_INDEX_MAX)) throw badField('Key Index', netKeyIndex, '0 to 0xFFF');
  if (!(ivIndex >= 0 && ivIndex <= 0xffff_ffff)) throw badField('IV Index', ivIndex, '32 bits');
  if (!isUnicast(unicastAddress)) throw badField('Unicast Address', unicastAddress, '0x0001 to 0x7FFF');
  const octets = new Uint8Array(DATA_OCTETS);
  const view = new DataView(octets.buffer);
  octets.set(netKey);
  view.setUint16(16, netKeyIndex);
  octets[18] = (keyRefresh ? KEY_REFRESH : 0) | (ivUpdate ? IV_UPDATE : 0);
  view.setUint32(19, ivIndex);
  view.setUint16(23, unicastAddress);
  return octets;
}

/** The data, or the error that the device answers with; reserved bits are errors of the format [5.4.4]. */
export function decodeProvisioningData(octets: Uint8Array): Result<ProvisioningData, ProvisioningErrorName> {
  if (octets.length !== DATA_OCTETS) return fail('invalid-format');
  const view = new DataView(octets.buffer, octets.byteOffset);
  const flags = octets[18]!;
  if ((flags & ~(KEY_REFRESH | IV_UPDATE)) !== 0) return fail('invalid-format');
  const netKeyIndex = view.getUint16(16);
  const unicastAddress = view.getUint16(23);
  if (netKeyIndex > KEY_INDEX_MAX || !isUnicast(unicastAddress)) return fail('invalid-data');
  return ok({
    netKey: octets.slice(0, 16),
    netKeyIndex,
    keyRefresh: (flags & KEY_REFRESH) !== 0,
    ivUpdate: (flags & IV_UPDATE) !== 0,
    ivIndex: view.getUint32(19),
    unicastAddress,
  });
}

/** Whether as many elements have unicast addresses, from this one on. */
export function addressesFit(unicastAddress: Unicast, elements: number): boolean {
  return unicastAddress + elements - 1 <= UNICAST_MAX;
}

function badField(field: string, value: number | string, expected: string): MeshError {
  return new MeshError('bad-field', `${field} of the provisioning data: ${value}`, { hint: `Give ${expected}.` });
}
