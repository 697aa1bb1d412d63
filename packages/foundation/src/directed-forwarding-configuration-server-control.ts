import type { Context } from '@meshferry/access';
import type { NetIndex } from '@meshferry/core';
import { statusOf } from './config-server-ground.ts';
import type { DirectedGround } from './directed-forwarding-configuration-server.ts';
import type { DirectedControl } from './directed-forwarding-configuration-server-states.ts';
import { DirectedControlGet, DirectedControlSet, DirectedControlStatus } from './directed-path-messages.ts';
import { ConfigurationStatus } from './status-codes.ts';

/** A Directed Control state as its messages have it. */
interface Shown {
  readonly forwarding: number;
  readonly relay: number;
  readonly proxy: number;
  readonly proxyUseDefault: number;
  readonly friend: number;
}

const NOT_SUPPORTED = 2;
const NONE: Shown = { forwarding: 0, relay: 0, proxy: 0, proxyUseDefault: 0, friend: 0 };

/** Directed Control [Mesh Protocol 1.1, 4.4.7.2.1], with the bindings of its states to each other and to the features. */
export function serveDirectedControl(ground: DirectedGround): void {
  const { model, states, host } = ground;
  const tell = (context: Context, netKeyIndex: NetIndex, status: number): void => {
    const isUnknown = status === ConfigurationStatus.invalidNetKeyIndex;
    const shown = isUnknown ? NONE : shownControl(ground, states.subnet(netKeyIndex).control);
    model.reply(context, DirectedControlStatus, { status, netKeyIndex, ...shown });
  };
  model.handle(DirectedControlGet, ({ netKeyIndex }, context) =>
    tell(context, netKeyIndex, statusOfSubnet(ground, netKeyIndex)),
  );
  model.handle(DirectedControlSet, ({ netKeyIndex, ...wanted }, context) => {
    let status = statusOfSubnet(ground, netKeyIndex);
    if (status === ConfigurationStatus.success) {
      const { proxy, friend } = inUse(host().network);
      const control = changed(states.subnet(netKeyIndex).control, wanted, { proxy, friend });
      status = isSupported(ground, wanted)
        ? statusOf(() => states.changeSubnet(netKeyIndex, { control }))
        : ConfigurationStatus.featureNotSupported;
    }
    tell(context, netKeyIndex, status);
  });
}

/** Success, or what is wrong with a subnet. */
export function statusOfSubnet({ host }: DirectedGround, netIndex: NetIndex): number {
  const { success, invalidNetKeyIndex } = ConfigurationStatus;
  return host().network.keys.phase(netIndex) === undefined ? invalidNetKeyIndex : success;
}

function inUse({ features }: { readonly features: { inUse(name: 'proxy' | 'friend'): boolean } }) {
  return { proxy: features.inUse('proxy'), friend: features.inUse('friend') };
}

/** Whether nothing is to be switched on that the node does not have. */
function isSupported({ supports }: DirectedGround, wanted: Shown): boolean {
  const { forwarding, relay, proxy, proxyUseDefault, friend } = wanted;
  return (
    (supports.forwarding || forwarding !== 1) &&
    (supports.relay || relay !== 1) &&
    (supports.proxy || (proxy !== 1 && proxyUseDefault !== 1)) &&
    (supports.friend || friend !== 1)
  );
}

/** 0 off, 1 on, else as it is; then what depends on something that is off goes off. */
function changed(
  control: DirectedControl,
  wanted: Shown,
  features: { readonly proxy: boolean; readonly friend: boolean },
): DirectedControl {
  const of = (state: keyof DirectedControl): boolean => (wanted[state] > 1 ? control[state] : wanted[state] === 1);
  const forwarding = of('forwarding');
  const proxy = forwarding && features.proxy && of('proxy');
  return {
    forwarding,
    relay: forwarding && of('relay'),
    proxy,
    proxyUseDefault: proxy && of('proxyUseDefault'),
    friend: forwarding && features.friend && of('friend'),
  };
}

function shownControl({ supports, host }: DirectedGround, control: DirectedControl): Shown {
  const features = inUse(host().network);
  const shown = (is: boolean, on: boolean): number => (is ? Number(on) : NOT_SUPPORTED);
  const proxy = control.proxy && features.proxy;
  return {
    forwarding: shown(supports.forwarding, control.forwarding),
    relay: shown(supports.relay, control.relay),
    proxy: shown(supports.proxy, proxy),
    // 2 also stands for not applicable: without Directed Proxy there is nothing to use by default.
    proxyUseDefault: shown(supports.proxy && proxy, control.proxyUseDefault),
    friend: shown(supports.friend, control.friend && features.friend),
  };
}
