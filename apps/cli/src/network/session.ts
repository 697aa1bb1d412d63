import type { Advertising, GattCentral } from '@meshferry/bearer';
import type { Clock, MeshError, Random, Store, Unicast, Unsubscribe } from '@meshferry/core';
import {
  MeshNetwork,
  type MeshNetworkOptions,
  type NetworkState,
  type NodeGround,
  type UpdaterRole,
  updaterRole,
} from '@meshferry/node';
import type { ControllerSettings, SimUser } from '@meshferry/sim';
import type { SmpRoute } from '@meshferry/smp';
import type { CaptureEvent } from '../capture/capture-writer.ts';
import type { Shell } from '../shell/shell.ts';

/** How a session is opened. */
export interface SessionOptions {
  /** Whether the network that a simulated world comes with is kept when there is none. Default true. */
  readonly ready?: boolean;
  /**
   * Whether the node of this process, if there is one, goes on air over a real radio (`member`, the default). Else what is
   * kept is free for others once it was read. A `listener` that has only GATT goes on air nevertheless, to hear everything
   * that a proxy tells it.
   */
  readonly node?: 'member' | 'listener' | 'absent';
}

/**
 * What a command needs of the outside: a radio, what is kept of a network, and the node of this process in it; open for
 * one command. There may be no network yet, or one that this process is not in. A simulated world is one way to have that,
 * real radios in real time are the other.
 */
export interface Session {
  readonly clock: Clock;
  /** Keys come from it. */
  readonly random: Random;
  readonly advertising: Advertising | undefined;
  readonly central: GattCentral | undefined;
  /** The file of this session; see {@link networkStore} for what the network keeps in it. */
  readonly store: Store;
  /** Where the network is kept. */
  readonly networkStore: Store;
  /** The network that is kept, if there is one. */
  readonly state: NetworkState | undefined;
  /** The network with the node of this process in it; undefined while there is none. */
  readonly network: MeshNetwork | undefined;
  /** The firmware update models of that node. */
  readonly role: UpdaterRole;
  /** How a simulated Distributor is reached by SMP, if there is one. */
  readonly smp: SmpRoute | undefined;
  /** The folder in which all that is kept; undefined when it ends with the command. */
  readonly folder: string | undefined;
  readonly surroundings: Surroundings;
  readonly traffic: Traffic;
  /**
   * Lets time pass until `work` is done. `interrupted` makes the error of a first Ctrl-C, exit code 130. `leave` takes leave
   * of who takes part in the work, and what that sends still goes on air; a second Ctrl-C ends the process without.
   */
  run<T>(work: Promise<T>, interrupted: () => MeshError, leave?: () => void): Promise<T>;
  /** Chance for the jobs of this process: not the numbers of the last time. */
  openJobs(): Random;
  /** Somebody outside is being asked: a time that can stand still does until this has settled. */
  hold(until: Promise<unknown>): void;
  close(): Promise<void>;
}

/** What is kept of a network, open for one command. */
export interface Kept {
  /** Where the network is kept, or will be. */
  readonly store: Store;
  readonly state: NetworkState | undefined;
  /** What is around it, if a radio was opened. */
  readonly session: Session | undefined;
  close(): Promise<void>;
}

/** What is known of the neighbourhood without having heard it. */
export interface Surroundings {
  /** Company Identifier of the firmware there, where that is known. */
  readonly company: number | undefined;
  /** Whether nobody is there who could take firmware, now or later. */
  readonly isEmpty: boolean;
  /** Elements that take firmware, also those that are too silent to tell. */
  readonly targets: readonly Unicast[];
  /** Elements that distribute firmware, likewise. */
  readonly distributors: readonly Unicast[];
  /** What is printed on a device, as values of `--oob`. */
  label(uuid: Uint8Array): readonly string[];
  /** Who stands before a device. */
  user(uuid: Uint8Array): Bystander | undefined;
  /** What to type where something is missing. */
  readonly advice: {
    /** Followed by what a target is. */
    readonly targets: string;
    readonly distributor: string;
  };
}

/** Reads what a device shows, and enters what it asks for. */
export type Bystander = Pick<SimUser, 'displays' | 'enter' | 'show'>;

/** What goes over the air. */
export interface Traffic {
  /** Advertising events so far: of all nodes where all are known, else of this process. */
  readonly events: number;
  /** Whether advertising is heard; else only what is said on links to proxies. */
  readonly isOnAir: boolean;
  /** How this process advertises. */
  readonly controller: ControllerSettings;
  /**
   * Calls `heard` for every advertising event of this process, and of others as far as they are heard, when it ends, and
   * for every value on links to proxies.
   */
  listen(heard: (event: CaptureEvent) => void): Unsubscribe;
  /** How long something took, for people: `seconds` of the network, and `wallSeconds` of theirs. */
  duration(seconds: number, wallSeconds?: number): string;
}

/** The node of this process, with its part in firmware updates. */
export interface OwnPart {
  readonly network: MeshNetwork;
  readonly role: UpdaterRole;
}

/** Composes it, if this process is in the network. */
export function composeOwnPart(
  shell: Shell,
  ground: NodeGround,
  state: NetworkState | undefined,
  node: NonNullable<MeshNetworkOptions['node']>,
): OwnPart | undefined {
  if (state?.own === undefined) return undefined;
  const role = updaterRole(ground);
  const network = new MeshNetwork({
    ...ground,
    state,
    wallTime: () => shell.io.wallTime(),
    models: role.models,
    node,
  });
  return { network, role };
}
