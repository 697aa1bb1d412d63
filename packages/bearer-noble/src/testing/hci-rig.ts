import { type BearerGround, type GattLink, type GattService, MESH_PROXY_SERVICE } from '@meshferry/bearer';
import type { ControllerOptions, EmulatedController } from '../../../bearer-hci/src/testing/emulated-controller.ts';
import { type GattEnd, GattRig } from '../../../bearer-hci/src/testing/gatt-rig.ts';
import { NobleBearer } from '../bearer.ts';
import type { NobleLibrary } from '../noble-api.ts';
import type { LibraryName } from '../uri.ts';
import { libraryOn } from './memory-socket.ts';
import { advance } from './rig.ts';

/** Libraries in one air with the GATT of `bearer-hci`, all on emulated controllers and on simulated time. */
export class HciRig extends GattRig {
  static readonly #open: { readonly rig: HciRig; readonly bearer: NobleBearer }[] = [];

  /** At the end of a test: what the libraries have put into the process is taken out. */
  static async closeAll(): Promise<void> {
    for (const { rig, bearer } of HciRig.#open.splice(0)) {
      bearer.close();
      await rig.pass(1000);
    }
  }

  /** A bearer on a library of its own. */
  async noble(
    lib: LibraryName,
    options: ControllerOptions = {},
    ground: BearerGround = this.ground,
  ): Promise<{ bearer: NobleBearer; controller: EmulatedController; library: NobleLibrary }> {
    const { controller, line } = this.controller(options);
    const library = libraryOn(lib, line);
    const opening = NobleBearer.open(library, ground);
    opening.catch(() => {});
    await this.pass(2000);
    const bearer = await opening;
    HciRig.#open.push({ rig: this, bearer });
    return { bearer, controller, library };
  }

  pass(ms: number): Promise<void> {
    return advance(this.clock, ms);
  }

  /** Lets time pass until it is true, at most for so many seconds. */
  async until(isTrue: () => boolean, seconds = 60): Promise<void> {
    for (let i = 0; i < seconds * 20 && !isTrue(); i++) await this.pass(50);
    if (!isTrue()) throw new Error(`not within ${seconds} s`);
  }

  async discovered(bearer: NobleBearer, service = 0x1828): Promise<string> {
    let peer: string | undefined;
    const stop = bearer.central.discover([service], (found) => {
      peer ??= found.peer;
    });
    await this.until(() => peer !== undefined);
    stop();
    return peer!;
  }

  async linkTo(bearer: NobleBearer, peer: string, service: GattService = MESH_PROXY_SERVICE): Promise<GattLink> {
    let outcome: unknown;
    bearer.central.connect(peer, service, (result) => {
      outcome = result;
    });
    await this.until(() => outcome !== undefined);
    if (outcome instanceof Error) throw outcome;
    return outcome as GattLink;
  }
}

export type { GattEnd };
