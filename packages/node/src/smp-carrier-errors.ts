import { formatAddress, MeshError, type Unicast } from '@meshferry/core';

const OVER_THE_MESH = 'Give --via mesh (or leave --via out): the image goes to it over the mesh then, more slowly';

/** A job goes by SMP, and nobody has said how. */
export function noSmpWay(): MeshError {
  return new MeshError('no-smp-way', 'it is not known how the Distributor is reached by SMP', {
    hint: 'Give --smp URI, such as noble:ADDR, serial:/dev/ttyACM0,115200, udp:HOST:1337 or ble:ADDR.',
  });
}

/** Nothing of the upload has begun, and it cannot begin. */
export function noSmp(address: Unicast, cause: MeshError): MeshError {
  const message = `Distributor ${formatAddress(address)} cannot be reached by SMP: ${cause.message}`;
  return new MeshError('distributor-no-smp', message, { hint: withHint(`${OVER_THE_MESH}.`, cause), cause });
}

/** It speaks SMP, but its slots cannot be filled by it. */
export function noSlotCommand(address: Unicast, said: string, cause?: MeshError): MeshError {
  const message = `Distributor ${formatAddress(address)} does not know "mesh models dfu slot add"${said === '' ? '' : `: ${said}`}`;
  return new MeshError('distributor-no-slot-command', message, {
    hint: `${OVER_THE_MESH}; its firmware needs CONFIG_BT_MESH_SHELL, CONFIG_BT_MESH_SHELL_DFU_SLOT and the shell group of MCUmgr otherwise.`,
    ...(cause && { cause }),
  });
}

export function noRoomInSlots(address: Unicast, size: number, said: string): MeshError {
  const message = `Distributor ${formatAddress(address)} has no room for ${size} octets: ${said}`;
  return new MeshError('no-room-on-distributor', message, {
    hint: 'Delete firmware images that it does not need any more, or take another Distributor.',
  });
}

/** It said no to the slot, or to the image in it. */
export function slotRefused(address: Unicast, said: string, cause?: MeshError): MeshError {
  return new MeshError('distributor-smp-refused', `Distributor ${formatAddress(address)} refuses the image: ${said}`, {
    hint: withHint(`${OVER_THE_MESH}.`, cause),
    ...(cause && { cause }),
  });
}

/** The job stays: what the Distributor has is not sent again. */
export function smpLost(address: Unicast, percent: number, cause: MeshError): MeshError {
  const message = `the upload by SMP to Distributor ${formatAddress(address)} stopped at ${Math.floor(percent)} %: ${cause.message}`;
  return new MeshError('upload-interrupted', message, {
    hint: withHint('Resume the update: the upload goes on where it stopped.', cause),
    cause,
  });
}

/** All was sent, and the Distributor does not list it. */
export function notListed(address: Unicast): MeshError {
  const message = `Distributor ${formatAddress(address)} got the image by SMP, but does not list it`;
  return new MeshError('upload-failed', message, {
    hint: 'Is the device that is reached by SMP really that Distributor? Check --smp and --distributor.',
  });
}

function withHint(hint: string, cause: MeshError | undefined): string {
  return cause?.hint === undefined ? hint : `${cause.hint} ${hint}`;
}
