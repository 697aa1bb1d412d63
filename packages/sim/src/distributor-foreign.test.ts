import { memoryGatt } from '@meshferry/bearer';
import { fromHex, MemoryStore, type MeshError, type Store, storeView, toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type MadeFirmware, parseImage } from '@meshferry/firmware';
import { type JobProgress, UpdateJob } from '@meshferry/node';
import {
  answer,
  bleRoute,
  groupError,
  handle,
  ImageStateRead,
  ImageUpload,
  SMP_SERVICE,
  SmpBleTransport,
  SmpGroup,
  type SmpRoute,
  SmpServer,
} from '@meshferry/smp';
import { beforeAll, describe, expect, it } from 'vitest';
import { firmware, UpdateWorld } from './testing/update-world.ts';
import type { World } from './world.ts';

const URI = 'sim:targets=2,distributor=1';
const ALL_NEW = ['new', 'new'];
let made: MadeFirmware;

beforeAll(async () => {
  made = await firmware(30_000);
});

/** How the SMP side of a Distributor differs from what works. */
interface Ways {
  readonly withoutShell?: boolean;
  /** Refuses the chunk at or behind this offset, once it is reached. */
  readonly refuseAt?: number;
  /** What was uploaded is not in the list. */
  readonly withoutList?: boolean;
}

/**
 * The SMP server of a Distributor with Nordic's ways: one area of flash for all images, in the Firmware Images List from the
 * moment on that there is a slot, and an upload that knows nothing of slots.
 */
function foreignSmp(world: World, flash: { octets: Uint8Array }, ways: Ways = {}): { route: SmpRoute; adds: string[] } {
  const { clock } = world;
  const adds: string[] = [];
  const slots = () => world.distributor!.role!.distribution.slots;
  let sha = '';
  let open = new Uint8Array();
  let off = 0;
  const refill = (): void => {
    const [image] = slots().images;
    if (image === undefined || image.size !== flash.octets.length) return;
    slots().deleteAll();
    slots().add(image.firmwareId, image.metadata, flash.octets);
  };
  const upload = handle(ImageUpload, ({ off: at = 0, len = 0, data = new Uint8Array(), sha: of }) => {
    if (at === 0 && of !== undefined && toHex(of) === sha && off > 0) return answer({ off });
    if (at === 0) [open, sha, off] = [new Uint8Array(len), toHex(of ?? new Uint8Array()), 0];
    if (at !== off) return answer({ off });
    if (ways.refuseAt !== undefined && off >= ways.refuseAt) return groupError(SmpGroup.image, 12);
    open.set(data, off);
    off += data.length;
    if (off < open.length) return answer({ off });
    flash.octets = open;
    sha = '';
    refill();
    return answer({ off });
  });
  const list = handle(ImageStateRead, () => {
    const parsed = parseImage(flash.octets);
    if (!parsed.ok) return answer({ images: [] });
    const no = { bootable: true, pending: false, confirmed: false, active: false, permanent: false };
    return answer({ images: [{ slot: 1, version: '1.1.0', hash: parsed.value.hash, ...no }] });
  });
  const server = new SmpServer({
    clock,
    buffers: { size: 600, count: 4 },
    without: ways.withoutShell ? [SmpGroup.shell] : [],
    handlers: ways.withoutList ? [upload] : [upload, list],
    shell: (argv) => {
      adds.push(argv.join(' '));
      const [, , , , , size, firmwareId = '', metadata = ''] = argv;
      const octets = Uint8Array.from({ length: Number(size) }, (_, i) => i);
      slots().deleteAll();
      const index = slots().add(fromHex(firmwareId), fromHex(metadata), octets);
      return { output: `Adding slot (size: ${size})\r\nSlot added. Index: ${index}\r\n`, ret: 0 };
    },
  });
  const gatt = memoryGatt(clock, { mtu: 247, events: { intervalMs: 15, packets: 4 } });
  const peripheral = gatt.peripheral();
  peripheral.serve(SMP_SERVICE, (link) =>
    server.attach(new SmpBleTransport(link, clock, { side: 'server', bufferOctets: 600 })),
  );
  peripheral.advertise({
    service: SMP_SERVICE.uuid,
    data: new Uint8Array(),
    name: 'Dist',
    intervalMs: 100,
    privateAddress: false,
  });
  return { route: bleRoute({ central: gatt.central(), clock, name: 'Dist' }), adds };
}

/** A world, its foreign SMP server, and a job that uses it. */
class ForeignWorld extends UpdateWorld {
  readonly adds: string[];
  override readonly job: UpdateJob;

  constructor(store: Store, flash: { octets: Uint8Array }, ways: Ways = {}) {
    super(URI, { store });
    const { route, adds } = foreignSmp(this.world, flash, ways);
    this.adds = adds;
    const { role, clock, random } = this.world;
    this.job = new UpdateJob({
      ...{ role, clock, random },
      crypto: portableCrypto,
      store: storeView(store, 'job/'),
      smp: route,
    });
  }

  get images(): string[] {
    return this.world.distributor?.role?.distribution.slots.images.map(({ sha256 }) => toHex(sha256)) ?? [];
  }
}

const BY_SMP = { distributor: 0x0002, via: 'smp' } as const;
const flashOf = () => ({ octets: new Uint8Array() });
const halfway = ({ phase, percent }: JobProgress) => phase === 'uploading' && percent > 40;
const ended = (work: Promise<unknown>) => work.then(() => undefined).catch((thrown: MeshError) => thrown);

describe('a Distributor that lists an image before it is whole', () => {
  it('is told size, firmware id and metadata, and distributes what came', async () => {
    const updating = new ForeignWorld(new MemoryStore(), flashOf());
    const report = await updating.update(made, BY_SMP);
    expect(report?.outcome).toBe('complete');
    expect(updating.running(made)).toEqual(ALL_NEW);
    const { image, firmwareId, metadata } = made;
    expect(updating.adds).toEqual([`mesh models dfu slot add ${image.length} ${toHex(firmwareId)} ${toHex(metadata)}`]);
  });

  it('gets the rest from a process that comes back', async () => {
    const [store, flash] = [new MemoryStore(), flashOf()];
    await new ForeignWorld(store, flash).update(made, { ...BY_SMP, cutWhen: halfway });
    const again = new ForeignWorld(store, flash);
    expect(again.images).toHaveLength(1);
    const report = await again.update(made, { ...BY_SMP, resume: true });
    expect(report?.outcome).toBe('complete');
    expect(again.running(made)).toEqual(ALL_NEW);
    expect(again.adds).toEqual([]);
  });

  it('does not keep a half image when the update is given up', async () => {
    const [store, flash] = [new MemoryStore(), flashOf()];
    await new ForeignWorld(store, flash).update(made, { ...BY_SMP, cutWhen: halfway });
    const again = new ForeignWorld(store, flash);
    await again.world.run(again.job.cancel());
    expect(again.images).toEqual([]);
  });

  it('gets the image again when somebody else has left half of it', async () => {
    const [store, flash] = [new MemoryStore(), flashOf()];
    const updating = new ForeignWorld(store, flash);
    const { image, firmwareId, metadata } = made;
    updating.world.distributor?.role?.distribution.slots.add(firmwareId, metadata, new Uint8Array(image.length));
    const report = await updating.update(made, BY_SMP);
    expect(report?.outcome).toBe('complete');
    expect(updating.running(made)).toEqual(ALL_NEW);
    expect(updating.adds).toEqual([]);
  });

  it('is believed where its SMP server tells nothing of images', async () => {
    const updating = new ForeignWorld(new MemoryStore(), flashOf(), { withoutList: true, withoutShell: true });
    const { image, firmwareId, metadata } = made;
    updating.world.distributor?.role?.distribution.slots.add(firmwareId, metadata, image);
    const report = await updating.update(made, BY_SMP);
    expect(report?.outcome).toBe('complete');
    expect(updating.running(made)).toEqual(ALL_NEW);
  });

  it('without a shell is told from one that is not there', async () => {
    const updating = new ForeignWorld(new MemoryStore(), flashOf(), { withoutShell: true });
    const error = await ended(updating.update(made, BY_SMP));
    expect(error).toMatchObject({ code: 'distributor-no-slot-command', hint: expect.stringContaining('--via mesh') });
    expect(error?.message).toContain('it has no shell group');
    expect(updating.job.saved()).toBeUndefined();
  });

  it('that refuses a chunk does not keep what came', async () => {
    const updating = new ForeignWorld(new MemoryStore(), flashOf(), { refuseAt: 10_000 });
    const error = await ended(updating.update(made, BY_SMP));
    expect(error).toMatchObject({ code: 'distributor-smp-refused', hint: expect.stringContaining('--via mesh') });
    expect(updating.images).toEqual([]);
    expect(updating.job.saved()).toBeUndefined();
  });
});
