// A picture over the mesh: BLOB Transfer carries any content, and needs no firmware update around it. A camera sends a PNG to
// a picture frame, two nodes in one simulated air; with another bearer only what `attach` is given changes.
//   node dist/index.js [FILE]     FILE: where the frame leaves what it got
import { readFileSync, writeFileSync } from 'node:fs';
import { BlobClient, type BlobEvent, BlobServer, type BlobSink, sourceOf } from '@meshferry/blob';
import { equal, formatAddress, MemoryStore, SeededRandom, storeView, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { MeshNode } from '@meshferry/node';
import { layOut, Radio } from '@meshferry/sim';

const [CAMERA, FRAME, APP_KEY] = [0x0001, 0x0002, 0];
const clock = new VirtualClock();
const random = new SeededRandom('a picture');
const radio = new Radio({ clock, random: random.fork('air'), topology: layOut('full', 2, random), loss: 0.02 });

// The frame: its blocks go straight to where the picture is kept. A real one keeps its state on a disk, and calls
// `server.recover` after power-on: then a transfer goes on where it stopped.
let picture = new Uint8Array(0);
let isComplete = false;
const sink: BlobSink = {
  begin: (_, size) => {
    picture = new Uint8Array(size);
    return true;
  },
  block: (offset, data) => {
    picture.set(data, offset);
    return true;
  },
};
const events = {
  complete: () => {
    isComplete = true;
  },
  suspended: () => console.log('the camera fell silent'),
  failed: (error: Error) => console.log(error.message),
};
const frameStore = new MemoryStore();
const server = new BlobServer({
  clock,
  store: storeView(frameStore, 'picture/'),
  capabilities: { maxBlobSize: 100_000 },
});
join(FRAME, server.model, frameStore);

// The camera.
const cameraStore = new MemoryStore();
const client = new BlobClient({ clock, random, store: storeView(cameraStore, 'picture/') });
join(CAMERA, client.model, cameraStore);

// How the frame learns which BLOB to expect is up to the application: a message of a vendor model, a button, a schedule.
const blobId = new DataView(random.bytes(8).buffer).getBigUint64(0);
const [ttl, timeoutBase] = [5, 3];
server.expect(blobId, { ttl, timeoutBase, sink, events });

const original = readFileSync(new URL('../picture.png', import.meta.url));
const receivers = [{ address: FRAME }];
let shown = -1;
let end: BlobEvent | undefined;
client.start({ blobId, source: sourceOf(original), receivers, appIndex: APP_KEY, ttl, timeoutBase }, (event) => {
  if (event.type === 'progress' && event.percent > shown) {
    shown = event.percent;
    console.log(`${Math.floor(shown)} %`);
  }
  if (event.type === 'lost') console.log(`lost: ${event.receiver.error?.message}`);
  if (event.type === 'done') end = event;
});
while (end === undefined && clock.step());

const isSame = isComplete && equal(picture, original);
const seconds = (clock.now / 1000).toFixed(1);
console.log(
  `${formatAddress(FRAME)} ${isSame ? 'shows' : 'has not got'} the picture: ${picture.length} octets, ${seconds} s`,
);
if (process.argv[2] !== undefined) writeFileSync(process.argv[2], picture);
process.exitCode = isSame && end?.type === 'done' && end.outcome === 'complete' ? 0 : 1;

/** A node with one model, and the keys that a provisioner would have given it. */
function join(address: number, model: BlobServer['model'], store: MemoryStore): void {
  const node = new MeshNode({
    clock,
    random: random.fork(`node ${address}`),
    crypto: portableCrypto,
    store,
    address,
    keys: {
      deviceKey: new Uint8Array(16).fill(address),
      netKeys: [{ index: 0, key: new Uint8Array(16).fill(0x11) }],
      appKeys: [{ index: APP_KEY, netIndex: 0, key: new Uint8Array(16).fill(0x22) }],
    },
    identity: { cid: 0x0059, pid: 1, vid: 1, crpl: 16, features: 0 },
    elements: [{ location: 0, models: [model] }],
  });
  node.attach(radio.attach({ index: address - 1 }));
  model.bind(APP_KEY);
}
