import { SeededRandom, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { type Arrival, GROUP, IMAGE, Mesh, NEW_ID } from './testing/mesh.ts';
import { UpdatePhase as Phase } from './update-codes.ts';

/* The steps of an update in their order, whatever becomes of single answers [conformance/dfu.md 3, CLI/SEQ]. */

const NEW = toHex(NEW_ID);
const OLD = '590001';
const CLIENT = 1;

/** A letter for each request of the client, by opcode. */
const REQUESTS: Readonly<Record<string, string>> = {
  '830d': 'S',
  '8306': 'I',
  '8301': 'T',
  '8304': 'B',
  '8305': 'G',
  '8300': 'E',
  '830c': 'R',
  '830f': 'A',
  '8308': 'F',
};

function letterOf(payload: Uint8Array): string {
  return payload[0] === 0x66 ? 'c' : (REQUESTS[toHex(payload.subarray(0, 2))] ?? '?');
}

/** Lets everything in, and notes the requests that each target gets. */
function noting(requests: Map<number, string>, answer: Arrival): Arrival {
  return (message, to, deliver) => {
    if (to === CLIENT) answer(message, to, deliver);
    else {
      requests.set(to, (requests.get(to) ?? '') + letterOf(message.payload));
      deliver();
    }
  };
}

/** Start, capabilities, transfer, blocks, confirmation, Get, Apply, Information Get; each as often as need be. */
const IN_ORDER = /^S+I+T+[TBcG]*B[TBcG]*E+R+A+F+$/;

const MEDDLINGS: readonly (readonly [string, (deliver: () => void, mesh: Mesh) => void])[] = [
  ['is lost', () => {}],
  [
    'comes twice',
    (deliver, { clock }) => {
      deliver();
      clock.after(900, deliver);
    },
  ],
  [
    'comes again much later',
    (deliver, { clock }) => {
      deliver();
      clock.after(9000, deliver);
    },
  ],
  ['comes three seconds late', (deliver, { clock }) => clock.after(3000, deliver)],
  ['comes 15 s late', (deliver, { clock }) => clock.after(15_000, deliver)],
];

describe.each(['push', 'pull'] as const)('CLI/SEQ/01: the order of the steps, %s', (mode) => {
  it('without trouble: each request once', () => {
    const mesh = new Mesh([{}, {}]);
    const requests = new Map<number, string>();
    mesh.onArrival = noting(requests, (_, __, deliver) => deliver());
    mesh.client.start({ mode });
    mesh.run();
    for (const sequence of requests.values()) {
      expect(sequence).toMatch(/^SIT(Bc+G*){3}E+RAA+F$/);
    }
  });

  it.each(MEDDLINGS)('when an answer %s, whichever it is', (_, meddle) => {
    let answers = Number.POSITIVE_INFINITY;
    for (let which = 0; which < answers; which++) {
      const mesh = new Mesh([{}, {}]);
      const requests = new Map<number, string>();
      let count = 0;
      mesh.onArrival = noting(requests, ({ src }, __, deliver) => {
        if (src === 0x0101 && count++ === which) meddle(() => mesh.targets[1]!.on && deliver(), mesh);
        else deliver();
      });
      mesh.client.start({ mode });
      mesh.run();
      answers = count;
      expect(mesh.client.errors, `answer ${which}`).toEqual([undefined, undefined]);
      expect(mesh.firmware).toEqual([NEW, NEW]);
      for (const sequence of requests.values()) expect(sequence, `answer ${which}`).toMatch(IN_ORDER);
      for (const { device } of mesh.targets) expect(device.calls.filter((call) => call === 'apply')).toHaveLength(1);
    }
    expect(answers).toBeGreaterThan(10);
  });

  it('when every answer comes four seconds late, and every third twice', () => {
    const mesh = new Mesh([{}, {}]);
    const requests = new Map<number, string>();
    let count = 0;
    mesh.onArrival = noting(requests, (_, __, deliver) => {
      mesh.clock.after(4000, deliver);
      if (count++ % 3 === 0) mesh.clock.after(7000, deliver);
    });
    mesh.client.start({ mode, timeoutBase: 5 });
    mesh.run();
    expect(mesh.client.errors).toEqual([undefined, undefined]);
    expect(mesh.firmware).toEqual([NEW, NEW]);
  });
});

describe('CLI/SEQ/02: answers of a target that left the update', () => {
  /** What a target answers, as octets; absent: what it answers by itself. */
  function answering(to: string, instead: (time: number) => string | undefined): Mesh {
    const mesh = new Mesh([{}, {}]);
    let isAsked = false;
    let time = 0;
    mesh.onArrival = ({ payload, src }, at, deliver) => {
      const hex = toHex(payload);
      if (at === 0x0101) isAsked = hex.startsWith(to);
      const other = at === CLIENT && src === 0x0101 && isAsked ? instead(time++) : undefined;
      deliver(
        other === undefined ? undefined : Uint8Array.from(other.match(/../g) ?? [], (octet) => parseInt(octet, 16)),
      );
    };
    mesh.client.start();
    mesh.run();
    return mesh;
  }

  const status = (octet: string, blobId = 'efcdab8967452301'): string => `8310${octet}05000200${blobId}00`;
  const FOREIGN = '1111111111111111';

  it.each([
    ['Idle', '831000'],
    ['Transfer Error', status('20')],
    ['Transfer Active', status('40')],
    ['Applying Update', status('c0')],
  ])('to Get: %s, always: it has failed and is not verified', (_, octets) => {
    const mesh = answering('830c', () => octets);
    expect(mesh.client.errors).toEqual([undefined, 'target-left-update']);
    expect(mesh.client.run?.receivers[1]?.updateStatus).toBe(2);
    expect(mesh.firmware).toEqual([NEW, OLD]);
  });

  it.each([
    ['Get', '830c', status('40'), 'target-left-update'],
    ['Get, of another update', '830c', status('80', FOREIGN), 'blob-busy'],
    ['Start', '830d', '831000', 'target-left-update'],
    ['Start, of another update', '830d', status('40', FOREIGN), 'blob-busy'],
    ['Apply, of another update', '830f', status('c0', FOREIGN), 'blob-busy'],
    ['Information Get', '8308', '8309010003590001' + '00', 'apply-failed'],
  ])('to %s: once or twice it is taken for a late answer to something else, the third time it counts', (...row) => {
    const [, to, octets, code] = row;
    for (const times of [1, 2]) {
      const mesh = answering(to, (time) => (time < times ? octets : undefined));
      expect(mesh.client.errors).toEqual([undefined, undefined]);
      expect(mesh.firmware).toEqual([NEW, NEW]);
    }
    const mesh = answering(to, () => octets);
    expect(mesh.client.errors).toEqual([undefined, code]);
  });

  it('many late answers at once count as one', () => {
    const mesh = new Mesh([{}]);
    let isDone = false;
    mesh.onArrival = ({ payload }, at, deliver) => {
      if (at === CLIENT && toHex(payload).startsWith('831060') && !isDone) {
        isDone = true;
        for (let i = 0; i < 10; i++) deliver(Uint8Array.of(0x83, 0x10, 0));
      }
      deliver();
    };
    mesh.targets[0]!.device.calls.length = 0;
    mesh.client.start();
    mesh.run();
    expect(mesh.client.errors).toEqual([undefined]);
  });

  it('a target that lost the verified image before it was told to apply is told apart', () => {
    const mesh = answering('830f', () => status('a2'));
    expect(mesh.client.run?.receivers[1]?.error).toMatchObject({
      code: 'verification-failed',
      hint: expect.stringContaining('restarted before it was told to apply'),
    });
  });
});

describe('CLI/SEQ/03: a reboot of a minute', () => {
  it.each([0, 5, 118])('with time-out base %i', (timeoutBase) => {
    const mesh = new Mesh([{ bootMs: 60_000 }, { bootMs: 90_000 }]);
    mesh.client.start({ timeoutBase });
    mesh.run();
    expect(mesh.client.errors).toEqual([undefined, undefined]);
    expect(mesh.client.run?.receivers.map(({ phase }) => phase)).toEqual([Phase.applySuccess, Phase.applySuccess]);
  });

  it('a verification of a minute and a half, with time-out base 0', () => {
    const mesh = new Mesh([{ holdVerification: true }]);
    const [target] = mesh.targets;
    mesh.client.start({ timeoutBase: 0 });
    mesh.run(mesh.client, () => target?.update.phase === Phase.verifyingUpdate);
    mesh.clock.after(90_000, () => {
      target!.device.pending = mesh.parameters().metadata;
      target!.device.endVerification(true);
    });
    mesh.run();
    expect(mesh.client.errors).toEqual([undefined]);
  });
});

describe('CLI/SEQ/04: who takes no part in the transfer', () => {
  /** `there`: holds the image; `verified`: has verified it in this update; `self`: this node, whose slot holds it. */
  const KINDS = ['normal', 'there', 'verified', 'self'] as const;

  it('nobody is forgotten, in any of the 256 ways in which four targets can be these', () => {
    for (let set = 0; set < 256; set++) {
      const kinds = [0, 2, 4, 6].map((shift) => KINDS[(set >> shift) & 3] as (typeof KINDS)[number]);
      const where = kinds.join(', ');
      const mesh = new Mesh([{}, {}, {}, {}]);
      const applied: number[] = [];
      for (const { device, address } of mesh.targets) {
        const { restart } = device;
        device.restart = () => {
          applied.push(address);
          restart();
        };
      }
      const receivers = mesh.parameters().receivers.map((receiver, i) => ({ ...receiver, self: kinds[i] === 'self' }));
      const verified = receivers.filter((_, i) => kinds[i] === 'verified');
      if (verified.length > 0) {
        const run = mesh.client.start({ receivers: verified, policy: 'verify' });
        mesh.run(mesh.client, () => run.phase === 'verified');
        run.stop();
      }
      mesh.targets.forEach(({ device }, i) => {
        if (kinds[i] === 'there' || kinds[i] === 'self') device.slot = IMAGE.slice();
        device.calls.length = 0;
      });
      mesh.client.start({ receivers, group: set % 2 === 0 ? GROUP : 0 });
      mesh.run();
      expect(mesh.firmware, where).toEqual([NEW, NEW, NEW, NEW]);
      expect(mesh.client.run?.receivers.map(({ progress }) => progress)).toEqual([100, 100, 100, 100]);
      mesh.targets.forEach(({ device }, i) => {
        expect(device.calls.includes('begin'), where).toBe(kinds[i] === 'normal');
      });
      const selves = kinds.filter((kind) => kind === 'self').length;
      const last = applied.slice(4 - selves).map((address) => kinds[address - 0x0100]);
      expect(last, where).toEqual(Array(selves).fill('self'));
    }
  });
});

describe('CLI/SEQ/05: fifty targets, half of which lose power at random times', () => {
  it.each(['a', 'b', 'c'])('every one is accounted for (%s)', (seed) => {
    const mesh = new Mesh(
      Array.from({ length: 50 }, () => ({})),
      { seed },
    );
    const random = new SeededRandom(seed);
    mesh.client.start({ group: GROUP, timeoutBase: 1 });
    mesh.targets.forEach((target, i) => {
      if (i % 2 === 0) return;
      mesh.clock.after(random.uniform() * 60_000, () => target.powerOff());
      // Half of them come back.
      if (i % 4 === 1) mesh.clock.after(70_000, () => target.on || target.powerOn(target.device.boot() || undefined));
    });
    mesh.run();
    expect(mesh.client.outcome).toBe('complete');
    expect(mesh.client.run?.receivers).toHaveLength(50);
    let lost = 0;
    mesh.targets.forEach(({ device }, i) => {
      const { error, phase } = mesh.client.run!.receivers[i]!;
      if (error === undefined) {
        expect([phase, toHex(device.firmwareId)]).toEqual([Phase.applySuccess, NEW]);
      } else {
        lost++;
        expect(i % 2).toBe(1);
        expect([phase === Phase.applySuccess, error.hint]).toEqual([false, expect.any(String)]);
      }
    });
    expect(lost).toBeGreaterThan(0);
  });
});
