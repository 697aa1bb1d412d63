import type { BearerPlugin } from '@meshferry/bearer';
import { toMeshError } from '@meshferry/core';
import { NobleBearer } from './bearer.ts';
import { diagnose, openingError, thisSystem } from './diagnosis.ts';
import { loadLibrary } from './load.ts';
import { parseNobleUri, URIS } from './uri.ts';

/**
 * The bearer of `noble:`: GATT by `@abandonware/noble` or `@stoprocent/noble`, whichever is installed. Neither is a dependency: both
 * have parts that are made for one system, and this package is not needed where a controller is driven by `hci:`.
 */
export const bearer: BearerPlugin = {
  scheme: 'noble',
  summary: 'the Bluetooth of this computer, to mesh proxies and devices (GATT only)',
  uris: URIS,
  async check() {
    try {
      await loadLibrary(undefined);
    } catch (thrown) {
      return toMeshError(thrown);
    }
    return diagnose(thisSystem) ?? null;
  },
  async open(uri, ground) {
    const { peer, lib, device } = parseNobleUri(uri);
    const suspicion = diagnose(thisSystem, device);
    const make = await loadLibrary(lib);
    let library: ReturnType<typeof make>;
    try {
      library = make(device === undefined ? {} : { deviceId: device });
    } catch (thrown) {
      throw suspicion ?? openingError(thrown);
    }
    const port = process.env.BLUETOOTH_HCI_SOCKET_UART_PORT;
    return NobleBearer.open(library, ground, {
      ...(port === undefined ? {} : { isPresent: () => thisSystem.exists(port) }),
      ...(peer === undefined ? {} : { only: peer }),
      ...(suspicion === undefined ? {} : { suspicion }),
    });
  },
};
