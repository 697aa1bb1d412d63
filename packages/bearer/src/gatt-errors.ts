import { MeshError } from '@meshferry/core';

/**
 * `pairing-needed`: the peer keeps a service for links that are encrypted or authenticated, which the bearers here do not make by
 * themselves [spec: Bluetooth Core, Vol 3, Part F, 3.4.1.1, errors 0x05, 0x0C, 0x0F]. `reason`: how it said so.
 */
export function pairingNeeded(peer: string, reason: string, cause?: unknown): MeshError {
  return new MeshError('pairing-needed', `${peer} must be paired with first: ${reason}`, {
    hint:
      'Pair with it by the means of this system and try again (`bluetoothctl pair ADDRESS`, for noble:); or build its firmware ' +
      'without the need: CONFIG_MCUMGR_TRANSPORT_BT_PERM_RW=y in Zephyr.',
    ...(cause !== undefined && { cause }),
  });
}
