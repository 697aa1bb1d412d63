/**
 * Receptions per second of the simulated radio alone: no mesh stack, listeners only count. Everyone in range of
 * everyone, node 0 always sending, one node in ten answering now and then.
 */
import type { Advertising } from '@meshferry/bearer';
import { SeededRandom, VirtualClock } from '@meshferry/core';
import { layOut, Radio } from '@meshferry/sim';

const AD_TYPE = 0x2a;
const DATA = new Uint8Array(29);

for (const model of ['ideal', 'honest'] as const) {
  for (const nodes of [11, 101, 401]) measure(model, nodes, 2_000_000);
}

function measure(model: 'ideal' | 'honest', nodes: number, receptions: number): void {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const radio = new Radio({ clock, random, topology: layOut('full', nodes, random), model, loss: 0.1 });
  let heard = 0;
  const ports = Array.from({ length: nodes }, (_, index) => radio.attach({ index }));
  for (const port of ports) {
    port.receive([AD_TYPE], () => {
      heard++;
    });
  }
  ports.forEach((port, index) => {
    if (index === 0) keepSending(port, 0);
    else if (index % 10 === 0) keepSending(port, 50 * nodes);
  });
  const started = performance.now();
  while (heard < receptions) clock.advance(100);
  const seconds = (performance.now() - started) / 1000;
  const rate = (heard / seconds / 1e6).toFixed(2);
  const simulated = (clock.now / 1000).toFixed(0);
  console.log(
    `${model.padEnd(6)} ${String(nodes).padStart(3)} nodes: ${rate} M receptions/s ` +
      `(${radio.stats.events} events, ${simulated} simulated s in ${seconds.toFixed(2)} s)`,
  );

  function keepSending(port: Advertising, pauseMs: number): void {
    const next = (): void => {
      port.send({ type: AD_TYPE, data: DATA }, { count: 1, intervalMs: 20 }, () => {
        if (pauseMs === 0) next();
        else clock.after(pauseMs, next);
      });
    };
    next();
  }
}
