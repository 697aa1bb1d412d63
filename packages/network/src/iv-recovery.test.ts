import { fromHex, MemoryStore, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { decodeNetworkPdu } from './pdu.ts';
import { HOUR } from './testing/beacon.ts';
import { FailingStore } from './testing/failing-store.ts';
import { FLOODING, Subject } from './testing/iv-subject.ts';
import { appMessage, TestMesh, type TestNode, track } from './testing/node.ts';

describe('IV Index Recovery', () => {
  it('sends the segmented message under way anew, under sequence numbers of the new index', () => {
    const subject = new Subject({ ivIndex: 3 });
    const { layer, scripted } = subject;
    for (let i = 0; i < 10; i++) layer.send(appMessage(1, 0x7000, 5));
    const sent = track((done) => layer.send(appMessage(1, 0x7000, 20), done));
    scripted.clock.advance(30);
    subject.hear(9, false);
    expect(layer.sequenceNumber).toBeGreaterThan(0);
    const { data } = scripted.bearer.sent.at(-1)!;
    expect(decodeNetworkPdu(data, FLOODING, 9)).toMatchObject({ ok: true, value: { seq: 0 } });
    scripted.say(
      { format: 'segment-acknowledgment', obo: false, seqZero: 0, ackedSegments: 0b11 },
      { src: 0x7000, ivIndex: 9 },
    );
    scripted.clock.advance(1);
    expect(sent.outcome).toBe('sent');
  });

  it('across a partition: the part that was cut off is back within a beacon, and hears and is heard', () => {
    let cut = false;
    const half = (radio: number) => radio >> 1;
    const mesh = new TestMesh('partition', { hears: (from, to) => !cut || half(from) === half(to) });
    const nodes = [1, 2, 3, 4].map(() => mesh.add({ beacon: true, relay: { count: 2, intervalMs: 20 } }));
    const [a, , c, d] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]];
    const exchange = () => {
      for (const node of nodes) node.received.length = 0;
      a.layer.send(appMessage(1, 4, 60, 1));
      d.layer.send(appMessage(4, 1, 60, 2));
      mesh.clock.advance(60_000);
      return [a, d].map((node) => node.received.map((m) => m.payload[0]));
    };
    expect(exchange()).toEqual([[2], [1]]);
    cut = true;
    for (let i = 0; i < 3; i++) {
      // The other part updates its index three times in a hurry.
      for (const node of nodes.slice(0, 2)) node.layer.ivUpdate.testMode = true;
      a.layer.ivUpdate.test(true);
      mesh.clock.advance(HOUR);
      a.layer.ivUpdate.test(false);
      mesh.clock.advance(HOUR);
    }
    expect(nodes.map((node) => node.layer.ivIndex)).toEqual([3, 3, 0, 0]);
    expect(exchange()).toEqual([[], []]);
    cut = false;
    mesh.clock.advance(60_000);
    expect(nodes.map((node) => [node.layer.ivIndex, node.layer.ivUpdate.updating])).toEqual(
      nodes.map(() => [3, false]),
    );
    expect(exchange()).toEqual([[2], [1]]);
    expect(c.layer.ivUpdate.hoursInState).toBeLessThan(1);
  });
});

describe('a replay attack across an IV Update', () => {
  it('gives nothing, neither in its course nor after it nor after a restart', () => {
    const mesh = new TestMesh('replay over index');
    const [a, b] = [mesh.add(), mesh.add()];
    const recorded: Uint8Array[] = [];
    const attacker = mesh.air.join().advertising;
    attacker.receive([0x2a], ({ data }) => recorded.push(data));
    const exchange = () => {
      a.layer.send(appMessage(1, 2, 8));
      a.layer.send(appMessage(1, 2, 60));
      mesh.clock.advance(5000);
    };
    const replayTo = ({ layer, received }: TestNode) => {
      const { length } = received;
      for (const data of recorded.slice()) attacker.send({ type: 0x2a, data }, { count: 1, intervalMs: 20 }, () => {});
      mesh.clock.advance(60_000);
      expect([layer.address, received.length]).toEqual([layer.address, length]);
    };
    const signal = (updating: boolean) => {
      for (const { layer } of [a, b]) {
        layer.ivUpdate.testMode = true;
        layer.ivUpdate.test(updating);
      }
    };
    for (let round = 0; round < 3; round++) {
      for (const updating of [true, false]) {
        exchange();
        signal(updating);
        replayTo(b);
      }
    }
    exchange();
    expect([a.layer.ivIndex, b.received.length]).toEqual([3, 14]);
    b.layer.close();
    replayTo(mesh.add({ address: 2, store: b.store }));
  });
});

describe('a power cut during an IV Update', () => {
  it('at any write lets no SEQ be used twice under one IV Index', () => {
    let cuts = 0;
    for (let writes = 0; writes < 14; writes++) {
      const store = new FailingStore(3 + writes);
      const said = new Map<string, string>();
      const live = (subject: Subject) => {
        const { layer, scripted } = subject;
        layer.ivUpdate.testMode = true;
        for (const updating of [true, false, true, false]) {
          for (let i = 0; i < 3; i++) layer.send(appMessage(1, 0x7000, 5, said.size & 0xff));
          if (layer.ivUpdate.updating !== updating) layer.ivUpdate.test(updating);
        }
        for (const { data } of scripted.bearer.sent) {
          if (data.length === 22) continue; // a beacon
          const { ivIndex } = layer;
          const found = [0, 1, 2, 3, 4].flatMap((back) => {
            const pdu = decodeNetworkPdu(data, FLOODING, Math.max(ivIndex - back, 0));
            return pdu.ok ? [`${ivIndex - back} ${pdu.value.seq}`] : [];
          });
          expect(found.length).toBeGreaterThan(0);
          expect(said.get(found[0]!) ?? toHex(data)).toBe(toHex(data));
          said.set(found[0]!, toHex(data));
        }
      };
      live(new Subject({ store }));
      if (store.failed) cuts++;
      const before = said.size;
      live(new Subject({ store: store.survivor }));
      expect(said.size).toBeGreaterThan(before + 8);
    }
    expect(cuts).toBeGreaterThan(4);
  });
});

describe('the state of the IV Index', () => {
  it('survives a restart: index, flag, time in the state, recovery', () => {
    const subject = new Subject({ ivIndex: 5 });
    const { store } = subject.scripted.node;
    subject.hear(9, true); // recovery
    subject.advance(50);
    subject.scripted.say(
      { format: 'unsegmented-control', opcode: 0x0a, parameters: new Uint8Array(3) },
      { src: 9, ivIndex: 9 },
    );
    // No close: the power fails.
    const restarted = new Subject({ store, ivIndex: 0 });
    expect(restarted.state).toEqual([9, true]);
    expect(restarted.layer.ivUpdate.hoursInState).toBe(50);
    restarted.hear(12, false);
    expect(restarted.state).toEqual([9, true]); // only 50 h after a recovery
    restarted.hear(9, false); // without the 96 h: not before the next ordinary transition
    expect(restarted.state).toEqual([9, false]);
    restarted.hear(10, true);
    expect(restarted.state).toEqual([9, false]);
    restarted.advance(143);
    restarted.hear(12, false);
    expect(restarted.state).toEqual([12, false]);
  });

  it('is written when the node closes', () => {
    const subject = new Subject({ ivIndex: 5 });
    subject.advance(7.5);
    subject.layer.close();
    const restarted = new Subject({ store: subject.scripted.node.store });
    expect(restarted.layer.ivUpdate.hoursInState).toBe(7.5);
  });

  it('of a store that knew no times is taken as new', () => {
    const store = new MemoryStore();
    store.batch([['iv', fromHex('0000000701')]]);
    const subject = new Subject({ store });
    expect([subject.state, subject.layer.ivUpdate.hoursInState]).toEqual([[7, true], 0]);
  });

  it('stays as it is when it cannot be written; the next beacon brings it', () => {
    const store = new FailingStore(9);
    const subject = new Subject({ store, ivIndex: 5 });
    for (let i = 0; i < 3; i++) subject.layer.send(appMessage(1, 0x7000, 5));
    store.left = 0;
    subject.hear(7, false);
    expect([subject.state, subject.layer.sequenceNumber]).toEqual([[5, false], 3]);
    expect(subject.transmitsWith()).toBe(5);
    store.left = 9;
    subject.hear(7, false);
    expect([subject.state, subject.layer.sequenceNumber]).toEqual([[7, false], 0]);
  });
});
